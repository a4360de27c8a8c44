/** The measured process of `history.ts`: listens on the bus as a dashboard does, and keeps a history on its thread. */

import { createApp } from "../src/app/app.ts";
import { systemClock } from "../src/clock/clock.ts";
import { HistoryLink } from "../src/dashboard/history/history-link.ts";

export type ToKeeper =
  | { readonly kind: "open"; readonly url: string; readonly path: string }
  /** Writes what is left, closes the file, and tells what it took. */
  | { readonly kind: "end" };
export type FromKeeper =
  | { readonly kind: "listening" }
  | { readonly kind: "heard"; readonly events: number }
  | { readonly kind: "kept"; readonly keeper: Keeper };
export interface Keeper {
  /** That this process took; what another one kept before is not its work. */
  readonly heard: number;
  /** In the file. */
  readonly events: number;
  readonly missed: number;
  readonly tasks: number;
  /** Of the file. */
  readonly bytes: number;
  readonly cpuSeconds: number;
  /** Bytes. */
  readonly rssPeak: number;
}

const tell = (message: FromKeeper): void => void process.send?.(message);
let history: HistoryLink;
let cpu: NodeJS.CpuUsage;
let heard = 0;
let missed = 0;
let rssPeak = 0;

process.on("message", (message: ToKeeper) => void (message.kind === "open" ? open(message) : end()));

async function open({ url, path }: { readonly url: string; readonly path: string }): Promise<void> {
  const warn = ({ text }: { readonly text: string }): void => console.error(text);
  history = await HistoryLink.open({ path, clock: systemClock, maxBytes: 16 * 1024 ** 3, warn });
  const app = createApp({ name: "bench", broker: url });
  systemClock.every(100, () => {
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  });
  await app.events((batch) => {
    history.ingest(batch);
    heard += batch.events.length;
    missed += batch.missed ?? 1;
  });
  systemClock.every(10, () => tell({ kind: "heard", events: heard - history.waiting }));
  cpu = process.cpuUsage();
  tell({ kind: "listening" });
}

async function end(): Promise<void> {
  const { tasks, bytes, events } = await history.facts(); // all that came is written then
  const { user, system } = process.cpuUsage(cpu);
  await history.close();
  tell({ kind: "kept", keeper: { heard, events, missed, tasks, bytes, cpuSeconds: (user + system) / 1e6, rssPeak } });
}
