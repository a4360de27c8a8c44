/** Relays as a process: one for each outbox that the app's file exports. Prints what happens, stops at the first SIGTERM or SIGINT. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { App } from "../app/app.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { appOfOutbox, type Outbox } from "../outbox/outbox.ts";
import type { RelayEvent } from "../outbox/relay-event.ts";
import type { Duration } from "../task/duration.ts";
import { exitCode } from "./failure.ts";
import { given } from "./option.ts";
import { StopSignal } from "./stop-signal.ts";
import { targetApp } from "./target.ts";
import { printJson, printLine } from "./terminal.ts";

export interface OutboxFlags {
  readonly app: string;
  readonly batch?: number;
  readonly poll?: string;
  readonly json?: boolean;
}

export async function runOutboxes({ app: reference, batch, poll, json }: OutboxFlags): Promise<number> {
  using stop = new StopSignal();
  const { app } = await targetApp({ app: reference });
  try {
    const outboxes = await outboxesOf(app, reference);
    const relays = outboxes.map(([name, outbox]) => {
      const report = (event: RelayEvent): void => tell(name, event, json === true);
      return outbox.relay({ ...given({ batch, poll: poll as Duration | undefined }), report, signal: stop.signal });
    });
    const running = await Promise.all(relays);
    if (json === true) printJson({ event: "outbox.ready", outboxes: outboxes.map(([name]) => name) });
    else printLine(`relaying ${outboxes.map(([name]) => name).join(", ")}`);
    await Promise.all(running.map(({ closed }) => closed));
  } finally {
    await app.close();
  }
  return exitCode.done;
}

/** The file has been imported before, so this gives the same module. */
async function outboxesOf(app: App, reference: string): Promise<readonly (readonly [string, Outbox])[]> {
  const path = resolve(reference.split("#", 1)[0] ?? "");
  const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  const found = Object.entries(module).filter(([, value]) => appOfOutbox(value) === app);
  if (found.length > 0) return found as [string, Outbox][];
  throw new CeleriacError(
    "APP_NOT_FOUND",
    `${path} exports no outbox of this app; write: export const outbox = createOutbox(app, {…})`,
    { details: { path } },
  );
}

function tell(outbox: string, event: RelayEvent, json: boolean): void {
  if (json) {
    const { type, ...rest } = event;
    return printJson({
      event: `outbox.${type}`,
      outbox,
      ...rest,
      ...("error" in event && { error: textOf(event.error) }),
    });
  }
  const text = lineOf(event);
  if (text !== undefined) printLine(`${outbox}  ${text}`);
}

/** What was sent is not worth a line each time. */
function lineOf(event: RelayEvent): string | undefined {
  switch (event.type) {
    case "sent":
      return undefined;
    case "set-aside":
      return `row ${event.seq} is set aside: ${event.why}`;
    case "full":
      return `full: ${event.queues.join(", ")}`;
    case "trouble":
      return `${textOf(event.error)}; trying again in ${event.wait} ms`;
    case "recovered":
      return "goes on";
  }
}

function textOf(error: unknown): string {
  if (error instanceof CeleriacError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
