/**
 * Facts of remote control, as they lie in the control state: what is revoked, by id or by stamp, and limits that were set while workers
 * ran. Written here, read here; a value that cannot be read is no fact.
 */

import { type ControlFact, revokedKind } from "../port/control-state.ts";
import { stringifyJson } from "../wire/json.ts";

export { revokedKind } from "../port/control-state.ts";
export const revokedStampKind = "revoked-stamp";
export const taskLimitKind = "task-limit";

/** How what runs is stopped: SIGTERM asks it first, SIGKILL does not. */
export type TerminateSignal = "SIGTERM" | "SIGKILL";

/** Why and how something is not to run any more. */
export interface Revocation {
  /** Stop it also where it runs. */
  readonly terminate: boolean;
  readonly signal: TerminateSignal;
  /** Unix ms. */
  readonly at: number;
  readonly reason?: string | undefined;
}

/** Limits of a task type that count instead of its own; `null` leaves the task's. */
export interface TaskLimit {
  /** As Celery writes it: "10/m". */
  readonly rate: string | null;
  /** Milliseconds. */
  readonly soft: number | null;
  readonly hard: number | null;
}

/** How long a revoke is remembered where nobody says it, ms. Celery's workers: 3 hours. */
export const usuallyKept = 86_400_000;
/** Longest text of a reason, characters. */
const maxReason = 500;
/** Longest key that a control state takes. */
const maxKey = 1024;

/** `kept` ms from now on; a task that is to run later than that is not held back by it. */
export function revokedFact(id: string, revocation: Revocation, kept: number): ControlFact {
  return { kind: revokedKind, key: id, value: JSON.stringify(bounded(revocation)), until: revocation.at + kept };
}

export function revokedStampFact(stamp: string, revocation: Revocation, kept: number): ControlFact {
  return {
    kind: revokedStampKind,
    key: stamp,
    value: JSON.stringify(bounded(revocation)),
    until: revocation.at + kept,
  };
}

export function readRevocation(value: string): Revocation | undefined {
  const { terminate, signal, at, reason } = recordOf(value);
  if (typeof at !== "number") return undefined;
  return {
    terminate: terminate === true,
    signal: signal === "SIGKILL" ? "SIGKILL" : "SIGTERM",
    at,
    ...(typeof reason === "string" && { reason }),
  };
}

export function taskLimitFact(task: string, limit: TaskLimit): ControlFact {
  const nothing = limit.rate === null && limit.soft === null && limit.hard === null;
  const { rate, soft, hard } = limit;
  return { kind: taskLimitKind, key: task, value: nothing ? null : JSON.stringify({ rate, soft, hard }) };
}

export function readTaskLimit(value: string): TaskLimit {
  const { rate, soft, hard } = recordOf(value);
  return { rate: typeof rate === "string" ? rate : null, soft: span(soft), hard: span(hard) };
}

/** The names under which a task's stamps can be revoked; a stamp with several values has several. */
export function stampKeys(stamps: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(stamps).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map((one) => stampKey(name, one)),
  );
}

function stampKey(name: string, value: unknown): string {
  const text = typeof value === "string" ? value : stringifyJson(value, { root: "stamps" });
  return `${name}=${text}`.slice(0, maxKey);
}

function bounded({ terminate, signal, at, reason }: Revocation): Revocation {
  return { terminate, signal, at, ...(reason !== undefined && { reason: reason.slice(0, maxReason) }) };
}

function span(value: unknown): number | null {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? value : null;
}

function recordOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {}; // of a later version, or of somebody else
  }
}
