/** Revokes, by id and by stamp: flagged at once, made facts soon after, and ended where they run if that is asked for. */

import { constants } from "node:os";
import { stampKeys, type TerminateSignal } from "../../control/facts.ts";
import { kwargsRepr } from "../../wire/repr.ts";
import { type Asked, type Command, ok, PythonError, type Station } from "./command.ts";

/** Ids of one command; a flood is bounded by what is kept of it. */
const mostIds = 50_000;
const longestId = 512;
/** Ids that an answer names. */
const mostNamed = 100;

export const revokeCommands: readonly Command[] = [
  {
    name: "revoke",
    required: ["task_id"],
    optional: ["terminate", "signal"],
    lasting: true,
    run: (station, { named: { task_id: id, terminate, signal }, selective }) =>
      revoke(station, id, isTrue(terminate), signal, selective),
  },
  {
    name: "terminate",
    required: ["signal", "task_id"],
    lasting: true,
    run: (station, { named: { task_id: id, signal }, selective }) => revoke(station, id, true, signal, selective),
  },
  {
    name: "revoke_by_stamped_headers",
    required: ["headers"],
    optional: ["terminate", "signal"],
    lasting: true,
    run: revokeByStamps,
  },
];

function revoke(
  { orders, clock }: Station,
  id: unknown,
  terminate: boolean,
  signal: unknown,
  selective: boolean,
): unknown {
  const given =
    id === null || id === undefined || id === "" ? [] : Array.isArray(id) ? (id as readonly unknown[]) : [id];
  const ids = [...new Set(given.filter((one): one is string => typeof one === "string" && one.length <= longestId))];
  const revocation = { terminate, signal: signalOf(signal), at: clock.now() };
  const ended = orders.hear("id", ids.slice(0, mostIds), revocation, selective ? "here" : "heard");
  if (terminate)
    return ok(ended.length === 0 ? "terminate: tasks unknown" : `terminate: ${shortened(ended).join(", ")}`);
  return ok(`tasks ${setRepr(ids)} flagged as revoked`);
}

function revokeByStamps(
  { orders, clock }: Station,
  { named: { headers, terminate, signal }, selective }: Asked,
): unknown {
  const stamps = stampsOf(headers);
  const told = kwargsRepr(stamps);
  const ends = isTrue(terminate);
  const revocation = { terminate: ends, signal: signalOf(signal), at: clock.now() };
  const ended = orders.hear("stamp", stampKeys(stamps).slice(0, mostIds), revocation, selective ? "here" : "heard");
  if (!ends) return ok(`headers ${told} flagged as revoked, but not terminated`);
  return ok(ended.length === 0 ? `headers ${told} were not terminated` : `headers ${told} revoked`);
}

/** A mapping, or texts "name=value" from a command line. Throws Python's errors for anything else. */
function stampsOf(headers: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(headers)) {
    return Object.fromEntries(
      headers.map((text: unknown) => {
        const [, name, value] = /^([^=]+)=(.*)$/s.exec(String(text)) ?? [];
        if (name === undefined) throw new PythonError("ValueError", "headers must be written name=value");
        return [name, value];
      }),
    );
  }
  if (typeof headers === "object" && headers !== null) return headers as Readonly<Record<string, unknown>>;
  throw new PythonError("TypeError", "headers must be a mapping");
}

/** From a client, a text of a command line, or nothing. */
function isTrue(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === "string" && /^(?:true|1|yes|y|on)$/i.test(value));
}

/** Its name with or without SIG, or its number. Whatever is not SIGKILL asks first. Throws Python's errors for what is no signal. */
function signalOf(signal: unknown): TerminateSignal {
  if (signal === undefined || signal === null || signal === "") return "SIGTERM";
  if (typeof signal === "number") return signal === constants.signals.SIGKILL ? "SIGKILL" : "SIGTERM";
  if (typeof signal !== "string" || signal !== signal.toUpperCase()) {
    throw new PythonError("TypeError", "signal name must be uppercase string.");
  }
  const name = signal.startsWith("SIG") ? signal : `SIG${signal}`;
  if (!Object.hasOwn(constants.signals, name)) throw new PythonError("ValueError", `no signal ${signal.slice(0, 20)}`);
  return name === "SIGKILL" ? "SIGKILL" : "SIGTERM";
}

function setRepr(ids: readonly string[]): string {
  return ids.length === 0
    ? "set()"
    : `{${shortened(ids)
        .map((id) => `'${id}'`)
        .join(", ")}}`;
}

function shortened(ids: readonly string[]): readonly string[] {
  return ids.length <= mostNamed ? ids : [...ids.slice(0, mostNamed), `and ${String(ids.length - mostNamed)} more`];
}
