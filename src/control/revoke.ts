/**
 * Says that tasks are not to run any more: as facts first, so that it outlasts every worker, then to all who listen now, Python's workers
 * among them. Where no state is kept (RabbitMQ with results that are sent back) the second is all there is.
 */

import type { Revoked, RevokeOptions, StampValues } from "../app/revoking.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { ControlFact } from "../port/control-state.ts";
import { durationMs } from "../task/duration.ts";
import { controlNamespace, makeControlRequest } from "../wire/control.ts";
import { type Revocation, revokedFact, revokedStampFact, stampKeys, usuallyKept } from "./facts.ts";

/** Facts that one call of the control state takes, and ids in one broadcast. */
const mostAtOnce = 1000;
const longestId = 512;

export async function revoke(backend: Backend, what: Revoked, options: RevokeOptions, now: number): Promise<void> {
  const { terminate = false, signal = "SIGTERM", reason, keep } = options;
  const kept = keep === undefined ? usuallyKept : durationMs(keep, "revoke: keep");
  if (signal !== "SIGTERM" && signal !== "SIGKILL") {
    throw new CeleriacError("CONFIG_INVALID", `revoke: signal must be "SIGTERM" or "SIGKILL", not ${String(signal)}.`);
  }
  const revocation: Revocation = { terminate, signal, at: now, reason };
  const { facts, requests } =
    "ids" in what ? byIds(what.ids, revocation, kept) : byStamps(what.stamps, revocation, kept);
  for (let at = 0; at < facts.length; at += mostAtOnce) await backend.control?.set(facts.slice(at, at + mostAtOnce));
  for (const { method, named } of requests) {
    const request = makeControlRequest({
      method,
      arguments: { ...named, terminate, signal },
      destination: undefined,
    });
    await backend.bus.publish({ kind: "control", namespace: controlNamespace }, request);
  }
}

interface Orders {
  readonly facts: readonly ControlFact[];
  readonly requests: readonly { readonly method: string; readonly named: Readonly<Record<string, unknown>> }[];
}

function byIds(ids: readonly string[], revocation: Revocation, kept: number): Orders {
  const wrong = ids.find((id) => typeof id !== "string" || id === "" || id.length > longestId);
  if (wrong !== undefined) {
    throw new CeleriacError(
      "NAME_INVALID",
      `revoke: ${JSON.stringify(wrong)} is no id of a task: 1 to 512 characters.`,
    );
  }
  const requests = [];
  for (let at = 0; at < ids.length; at += mostAtOnce) {
    requests.push({ method: "revoke", named: { task_id: ids.slice(at, at + mostAtOnce) } });
  }
  return { facts: ids.map((id) => revokedFact(id, revocation, kept)), requests };
}

function byStamps(stamps: StampValues, revocation: Revocation, kept: number): Orders {
  const facts = stampKeys(stamps).map((stamp) => revokedStampFact(stamp, revocation, kept));
  return {
    facts,
    requests: facts.length === 0 ? [] : [{ method: "revoke_by_stamped_headers", named: { headers: stamps } }],
  };
}
