/**
 * A command of remote control: Celery's name, the arguments it takes, and what it does. What it returns is the answer; what it throws is
 * answered as Python would print the exception.
 */

import { callRepr } from "../../wire/repr.ts";
import type { WorkerInside } from "../part.ts";

/** A worker as its commands see it. */
export interface Station extends WorkerInside {
  /** Monotonic ms. */
  readonly since: number;
}

export interface Asked {
  /** By name; those that are not taken are not there. */
  readonly named: Readonly<Record<string, unknown>>;
  /** Meant for some nodes only. */
  readonly selective: boolean;
}

export interface Command {
  readonly name: string;
  readonly alias?: string;
  /** In Celery's order. */
  readonly required?: readonly string[];
  readonly optional?: readonly string[];
  /** An argument that it does not know is an error; else it is passed over, as Celery's command does. */
  readonly strict?: boolean;
  /** Takes a while, or changes what another may be changing: done one after the other, with others of its kind. */
  readonly serial?: boolean;
  /** Says what outlasts this moment and is told by nobody again, such as a revoke: never refused for the rate of commands. */
  readonly lasting?: boolean;
  readonly run: (station: Station, asked: Asked) => unknown;
}

/** In place of an answer: none is sent. */
export const silence: unique symbol = Symbol("no answer");

export const ok = (value: string): { readonly ok: string } => ({ ok: value });
export const nok = (value: string): { readonly error: string } => ({ error: value });

/** An exception as a Python worker would raise it. */
export class PythonError extends Error {
  override readonly name: string;

  constructor(type: "KeyError" | "TypeError" | "ValueError" | "ImportError", text: string) {
    super(text);
    this.name = type;
  }
}

/** As Python prints an exception. */
export function errorRepr(error: unknown): string {
  if (!(error instanceof Error)) return callRepr("Exception", [String(error)]);
  return callRepr(error.name, [error.message]);
}

/** Throws Python's TypeError for what is missing, or not known. */
export function checkArguments(command: Command, given: Readonly<Record<string, unknown>>): Asked["named"] {
  const { name, required = [], optional = [], strict = false } = command;
  const missing = required.filter((argument) => !Object.hasOwn(given, argument));
  if (missing.length > 0) {
    const words = missing.map((argument) => `'${argument}'`);
    const last = words.pop() ?? "";
    const list =
      words.length === 0
        ? last
        : words.length === 1
          ? `${words[0] ?? ""} and ${last}`
          : `${words.join(", ")}, and ${last}`;
    const plural = missing.length === 1 ? "argument" : "arguments";
    throw new PythonError(
      "TypeError",
      `${name}() missing ${String(missing.length)} required positional ${plural}: ${list}`,
    );
  }
  const taken = new Set([...required, ...optional]);
  const other = Object.keys(given).find((argument) => !taken.has(argument));
  if (strict && other !== undefined) {
    throw new PythonError("TypeError", `${name}() got an unexpected keyword argument '${other}'`);
  }
  return Object.fromEntries(Object.entries(given).filter(([argument]) => taken.has(argument)));
}

/** A whole number, as Python's `int` makes one of it. Throws its ValueError. */
export function whole(value: unknown, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  throw new PythonError("ValueError", `invalid literal for int() with base 10: ${JSON.stringify(value)}`);
}

/** A name, or nothing. Throws TypeError for what is none. */
export function text(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "" && value.length <= 512) return value;
  throw new PythonError("TypeError", `${what} must be a text`);
}
