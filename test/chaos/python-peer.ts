/**
 * A worker of Python's Celery on a queue of its own, beside ours on the same Redis. What it holds lies among what ours hold, and no lease of
 * ours is on it: nobody but Python may put it back.
 */

import { fileURLToPath } from "node:url";
import { coreOf } from "../../src/app/app.ts";
import type { App } from "../../src/index.ts";
import { releases } from "../interop/release.ts";
import { startCelery } from "../server/celery-worker.ts";
import { pause } from "./faults.ts";
import type { Journal } from "./journal.ts";

const folder: string = fileURLToPath(new URL("./python/", import.meta.url));
/** Tasks one after the other, each held for so many leases. */
const count = 3;
const leases = 2;

/** Starts it and sends its tasks; resolves with their ids and what ends it. */
export async function startPeer(
  app: App,
  lease: number,
  journal: Journal,
): Promise<{ readonly ids: readonly string[] } & AsyncDisposable> {
  const { broker } = coreOf(app).config;
  const env = { CHAOS_BROKER: broker.href, CHAOS_JOURNAL: journal.path };
  const worker = await startCelery({
    release: releases["5.2"],
    folder,
    app: "chaos_python",
    name: `python@${String(process.pid)}`,
    env,
  });
  const held = app.remote<(seconds: number) => { readonly pid: number }>("chaos.python", { queue: "python" });
  const ids = Array.from({ length: count }, (_, index) => `python-${String(index)}`);
  const send = async (id: string): Promise<boolean> => {
    const sent = await held.enqueue((lease * leases) / 1000, { id }).catch(() => undefined);
    journal.add({ k: sent ? "accepted" : "unclear", t: Date.now(), id, kind: "python" });
    return sent !== undefined;
  };
  // The same id makes it safe to send one again of which nobody knows whether it was accepted.
  for (const id of ids) while (!(await send(id))) await pause(lease / 10);
  return { ids, [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose]() };
}
