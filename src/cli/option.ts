/** Options that several commands share, and how their texts become values. A text that cannot is a wrong use, exit code 2. */

import { type Command, InvalidArgumentError } from "commander";
import type { ListenAddress } from "./health.ts";

/** What every command that speaks to a broker takes. */
export function addTarget(command: Command): Command {
  return command
    .option("-A, --app <file>", "module that exports the app, such as ./app.ts (./app.ts#name for one of several)")
    .option("--broker <url>", "broker, instead of an app: sqlite:celeriac.db, redis://host:6379/0, amqp://host")
    .option("--results <url>", "where results are, if not with the broker's messages: redis://host:6379/1, rpc://");
}

/** What commands take besides that deal with schedules. */
export function addSchedules(command: Command): Command {
  return command.option(
    "--schedules <url>",
    "where schedules are kept, if not with the messages or results: sqlite:schedules.db",
  );
}

export function addJson(command: Command): Command {
  return command.option("--json", "JSON, for scripts");
}

/** "12" → 12; refuses everything below `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${String(least)}.`);
  };
}

/** "10,3" → { max: 10, min: 3 }; "10" is from 1 to 10. */
export function bounds(text: string): { readonly max: number; readonly min: number } {
  const [, max = "", min = "1"] = /^([1-9]\d*)(?:,([1-9]\d*))?$/.exec(text.trim()) ?? [];
  if (max !== "" && Number(min) <= Number(max)) return { max: Number(max), min: Number(min) };
  throw new InvalidArgumentError('It must be the most and the least, such as "10,3".');
}

const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** "512M" → bytes. Always with a unit, so that nobody means megabytes and says bytes. */
export function byteSize(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([KMG])i?B?$/i.exec(text) ?? [];
  const factor = units[unit.toUpperCase()];
  if (factor === undefined) throw new InvalidArgumentError('It must be a size with a unit, such as "512M" or "2G".');
  return Math.round(Number(number) * factor);
}

/** "a,b" and repeated options → one list. */
export function names(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").map((name) => name.trim())].filter((name) => name !== "");
}

/** A repeated option → one list. */
export function listed(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** "name=value", repeated → one object. */
export function pair(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be written name=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function moment(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError("It must be a time such as 2026-11-21T10:00:00Z.");
  return date;
}

/** The options that were given, without those that were not: an absent option must not become an explicit `undefined`. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** "8081" → this machine alone; "0.0.0.0:8081" → whoever reaches it. */
export function listenAddress(text: string): ListenAddress {
  const [, host, six, port = ""] = /^(?:([^\s:[\]]+):|\[([\da-f:.]+)\]:)?(\d{1,5})$/i.exec(text) ?? [];
  if (port !== "" && Number(port) > 0 && Number(port) < 65_536)
    return { host: host ?? six ?? "127.0.0.1", port: Number(port) };
  throw new InvalidArgumentError('It must be a port, or an address with one, such as "8081" or "0.0.0.0:8081".');
}

/** The address of a page. */
export function webAddress(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError("It must be an address, such as http://127.0.0.1:5555.");
}
