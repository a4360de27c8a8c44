/** `celeriac requeue`: puts tasks back and says what each was. */

import { type PutBack, requeueTasks } from "../control/requeue.ts";
import { clean } from "../wire/visible-text.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { printJson, printLine } from "./terminal.ts";

export interface RequeueFlags {
  readonly queue?: string;
  readonly to?: string;
  readonly back?: boolean;
  readonly json?: boolean;
}

/** Exit code 1 if one was not found, or only waits for its moment and is to stay in its queue. */
export async function putBack(
  { backend, core }: Session,
  ids: readonly string[],
  flags: RequeueFlags,
): Promise<number> {
  const { broker } = backend;
  const { to, back, json } = flags;
  const at = back === true ? "back" : "front";
  const listed = (await broker.queues.list()).map(({ name }) => name);
  const named = core.registry.list().map(({ queue }) => queue);
  const queues =
    flags.queue === undefined ? [...new Set([...listed, core.config.defaultQueue, ...named])] : [flags.queue];
  const wanted = [...new Set(ids)].map((id) => ({ id }));
  const found = await requeueTasks(broker, wanted, queues, { at, ...(to !== undefined && { queue: to }) });
  const stays = ({ was, queue }: PutBack): boolean => was === "delayed" && (to === undefined || to === queue);
  if (json === true) {
    printJson({
      requeued: [...found].map(([id, one]) => ({ id, ...one, ...(stays(one) && { unchanged: true }) })),
      missing: wanted.map(({ id }) => id).filter((id) => !found.has(id)),
    });
  } else {
    for (const { id } of wanted) {
      const one = found.get(id);
      printLine(
        `${clean(id)}  ${one === undefined ? "not found" : stays(one) ? "is not due yet, and stays" : said(one, at, to)}`,
      );
    }
  }
  const done = wanted.every(({ id }) => {
    const one = found.get(id);
    return one !== undefined && !stays(one);
  });
  return done ? exitCode.done : exitCode.error;
}

function said({ was, queue }: PutBack, at: "front" | "back", to = queue): string {
  if (was === "dead") return `was a dead letter, and is at the end of "${clean(queue)}"`;
  if (was === "delayed") return `is not due yet, and waits in "${clean(to)}"`;
  const before = was === "leased" ? "was held by a worker" : `waited in "${clean(queue)}"`;
  return `${before}, and is at the ${at === "front" ? "front" : "end"} of "${clean(to)}"`;
}
