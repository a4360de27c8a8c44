/** Tasks whose input has parts that nobody is to see, and that do all with them by which a value gets out by accident. */

import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { type App, createApp, Secret, type Task } from "../../../src/index.ts";
import { openTelemetry } from "../../../src/opentelemetry/index.ts";

if (process.env["SPANS_FILE"] !== undefined) await import("./spans.ts");

export interface Declared {
  readonly card: { readonly number: string; readonly holder: string };
  readonly pin: number;
}
export interface Wrapped {
  readonly token: Secret<string>;
  readonly n: number;
}

export const app: App = createApp({
  name: "redaction",
  broker: process.env["CELERIAC_BROKER"] ?? "memory:redaction",
  resultExtended: true,
  telemetry: openTelemetry(),
});

/** Proves that it came whole. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const redact = ["card.number", "pin"];

export const declared: Task<Declared, string> = app.task("r.declared", { redact }, (input: Declared, ctx) => {
  ctx.log.info(`charging ${input.card.number}`, { input, pin: input.pin });
  ctx.progress(1, 2, `charging ${input.card.number}`);
  return digestOf(input.card.number + String(input.pin));
});
export const fails: Task<Declared, null> = app.task("r.fails", { redact }, (input: Declared): void => {
  throw new Error(`refused: ${JSON.stringify(input)}`, { cause: new TypeError(`pin ${String(input.pin)}`) });
});
export const wrapped: Task<Wrapped, string> = app.task("r.wrapped", (input: Wrapped, ctx) => {
  ctx.log.info(`with ${String(input.token)} ${inspect(input)} and by mistake ${input.token.reveal()}`, { input });
  return digestOf(input.token.reveal());
});
export const throwing: Task<Wrapped, null> = app.task(
  "r.throwing",
  { retry: { limit: 1, delay: 1 } },
  (input: Wrapped): void => {
    throw new Error(`no such token: ${input.token.reveal()}`);
  },
);
export const exits: Task<Wrapped, null> = app.task("r.exits", { crashes: 1 }, (input: Wrapped): void => {
  console.error("last words:", input.token.reveal());
  process.exit(3);
});
/** Waits until it is ended, so that it can be looked at. */
export const waits: Task<Wrapped, null> = app.task("r.waits", async (_: Wrapped, ctx) => {
  ctx.progress(0, 1, "waiting");
  await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve(), { once: true }));
});
/** A result of a secret is refused, not stored. */
export const returns: Task<Wrapped, string> = app.task(
  "r.returns",
  (input: Wrapped): string => [input.token] as unknown as string,
);
/** Sends from where it runs. */
export const sends: Task<Wrapped, string> = app.task("r.sends", async (input: Wrapped) => {
  const { id } = await wrapped.delay({ token: input.token, n: 2 });
  return id;
});
