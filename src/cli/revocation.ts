/** `celeriac revoke`: what is not to run any more, written where it outlasts every worker, and told to those that run. */

import type { Duration } from "../task/duration.ts";
import { exitCode, UsageError } from "./failure.ts";
import { given } from "./option.ts";
import type { Session } from "./target.ts";
import { printJson, printLine } from "./terminal.ts";

export interface RevokeFlags {
  readonly stamp?: Readonly<Record<string, string>>;
  readonly terminate?: boolean;
  readonly signal?: string;
  readonly reason?: string;
  readonly keep?: string;
  readonly json?: boolean;
}

export async function revokeTasks(session: Session, ids: readonly string[], flags: RevokeFlags): Promise<number> {
  const { stamp = {}, json, terminate = flags.signal !== undefined, signal, reason, keep } = flags;
  const stamps = Object.keys(stamp);
  if (ids.length === 0 && stamps.length === 0)
    throw new UsageError("Name ids of tasks, or stamps with --stamp name=value.");
  const options = given({
    terminate,
    signal: signal === undefined ? undefined : signalOf(signal),
    reason,
    keep: keep as Duration | undefined,
  });
  const { app, backend } = session;
  if (ids.length > 0) await app.revoke(ids, options);
  if (stamps.length > 0) await app.revokeByStamps(stamp, options);
  const lasting = backend.control !== undefined;
  if (json === true) printJson({ revoked: ids, stamps: stamp, terminate, lasting });
  else {
    const what = [...ids, ...stamps.map((name) => `${name}=${stamp[name] ?? ""}`)].join(", ");
    printLine(`revoked ${what}`);
    if (!lasting) printLine("nothing is kept on this broker: only workers that run now know of it");
  }
  return exitCode.done;
}

function signalOf(text: string): "SIGTERM" | "SIGKILL" {
  const name = text.toUpperCase().replace(/^(?:SIG)?/, "SIG");
  if (name === "SIGTERM" || name === "SIGKILL") return name;
  throw new UsageError(`--signal must be SIGTERM or SIGKILL, not "${text}".`);
}
