/** What `app.remote` returns for a task that takes positions. */

import { mapOf, chunksOf } from "../canvas/map.ts";
import type { Group } from "../canvas/group.ts";
import { type CallArguments, isPlainObject } from "../task/input.ts";
import { Signature } from "../task/signature.ts";
import type { AsyncResult } from "./async-result.ts";
import { TaskHandle } from "./task-handle.ts";

/** The handle of a task that takes positions: its input is the list of its arguments. */
export class RemoteHandle extends TaskHandle {
  override delay(...args: readonly unknown[]): Promise<AsyncResult<unknown>> {
    return this.enqueue(args);
  }

  override s(...rest: readonly unknown[]): Signature<never, unknown> {
    const call = { args: rest, kwargs: {} };
    const options = this.signatureOptions(call, undefined, true);
    return new Signature({ task: this.name, ...call, immutable: false, options });
  }

  override si(...args: readonly unknown[]): Signature<unknown, unknown> {
    return super.si(args);
  }

  override map(items: readonly unknown[]): Signature<unknown, unknown[]> {
    return mapOf(this.name, items, this.itemOptions());
  }

  override chunks(calls: readonly (readonly unknown[])[], size: number): Group<unknown, unknown[][]> {
    return chunksOf(this.name, calls, size, this.itemOptions());
  }

  protected override arguments(input: unknown): CallArguments {
    const args: unknown[] = Array.isArray(input) ? [...(input as readonly unknown[])] : [input];
    while (args.length > 0 && args.at(-1) === undefined) args.pop();
    const [only] = args;
    return args.length === 1 && isPlainObject(only) ? { args: [], kwargs: only } : { args, kwargs: {} };
  }
}
