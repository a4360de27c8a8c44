/**
 * What a chaos command is asked for, read strictly: a misspelt broker, number or fault would be a green run of something else, or of
 * nothing.
 */

import { faultsOn } from "./fault-plan.ts";
import type { BrokerName } from "./stage.ts";

/** The command cannot be run as it was given. Its message is for whoever gave it. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads the arguments. What cannot be run is said in one line, and the process ends with code 2. */
export function orEnd<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isUsage(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

/** Throws a UsageError, as do the others here. `known`: those that this command has. */
export function brokerOf<B extends BrokerName>(text: string, known: readonly B[]): B {
  const broker = known.find((name) => name === text);
  if (broker === undefined) throw new UsageError(`--broker ${text}: there are ${known.join(", ")}`);
  return broker;
}

/** Every kind of task takes part in every run. */
export const fewestTasks = 20;

export const brokers: readonly BrokerName[] = ["sqlite", "redis", "rabbitmq"];

/** A whole number that is at least `least`. */
export function countOf(option: string, text: string, least: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count) || count < least)
    throw new UsageError(`--${option} ${text}: a whole number from ${String(least)} on is wanted`);
  return count;
}

/** A number above 0. */
export function amountOf(option: string, text: string): number {
  const amount = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(amount > 0)) throw new UsageError(`--${option} ${text}: a number above 0 is wanted`);
  return amount;
}

/** Names between commas; none for all. Each must be of a kind that this broker has. */
export function faultsOf(text: string, broker: BrokerName): readonly string[] {
  const names = text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  const known = faultsOn(broker);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UsageError(`--only ${unknown.join(", ")}: on ${broker} there are ${known.join(", ")}`);
  return names;
}

/** One of these names. */
export function nameOf(option: string, text: string, known: readonly string[]): string {
  if (!known.includes(text)) throw new UsageError(`--${option} ${text}: there are ${known.join(", ")}`);
  return text;
}

/** Also what `parseArgs` says of options that there are not. */
function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("ERR_PARSE_ARGS_");
}
