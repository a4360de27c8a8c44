/** Which child takes the next call of a task that takes many at once: the one where others of its batch are, as long as they wait. */

import type { BatchPolicy } from "../task/batch.ts";
import type { Child } from "./child.ts";
import { capacityOf, leastBusy, type Shares } from "./child-choice.ts";

interface Place {
  readonly child: Child;
  /** Monotonic ms. */
  readonly until: number;
  left: number;
}

export class BatchPlaces {
  /** By task. */
  readonly #places = new Map<string, Place>();

  choose(
    task: string,
    { max, maxWait }: BatchPolicy,
    now: number,
    children: Iterable<Child>,
    shares: Shares,
  ): Child | undefined {
    const place = this.#places.get(task);
    if (place !== undefined && place.left > 0 && place.until > now && capacityOf(place.child, shares) > 0) {
      place.left--;
      return place.child;
    }
    const child = leastBusy(children, shares);
    if (child !== undefined) this.#places.set(task, { child, until: now + maxWait, left: max - 1 });
    return child;
  }
}
