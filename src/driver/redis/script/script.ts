/**
 * Lua that runs on the server, and how it gets there. A script that must work at `maxmemory` says `allow-oom`; Redis 6.2 knows no
 * such line, so there its first command is an `HDEL` that deletes nothing: never refused, and after a first write none is.
 */

import { createHash } from "node:crypto";
import type { Argument } from "../client.ts";
import { ServerRefusal } from "../failure.ts";
import { Rooms } from "../rooms.ts";
import type { CallOptions, Link } from "../link.ts";
import { callOf, type WrittenCall } from "./written-call.ts";

export interface Script {
  readonly name: string;
  /** Takes the hash `unacked` as its first key if `atFull`. */
  readonly lua: string;
  /** Runs though the server's memory is used up: everything but what adds work. */
  readonly atFull: boolean;
}

interface Prepared {
  readonly text: string;
  readonly sha: string;
}

/** Bounds of one script call: a script runs alone on the server, and longer ones are felt by everybody. */
export const mostItems = 500;
export const mostBytes: number = 4 * 1024 * 1024;
/** Keys and arguments from which on a call is written as bytes. */
const manyTexts = 40;
/** Bytes: a full call of small messages, or of a hundred settlements; and how many such are under way at once. */
const [usualCall, mostSpare] = [256 * 1024, 8];
/** Where the `#!lua` line is understood. */
const shebangMajor = 7;

export class Scripts {
  readonly #prepared = new Map<Script, Prepared>();
  readonly #rooms = new Rooms(usualCall, mostSpare);
  #major = shebangMajor;

  /** Major version of the server; told once, before the first run. */
  forServer(major: number): void {
    this.#major = major;
    this.#prepared.clear();
  }

  get major(): number {
    return this.#major;
  }

  /** How the server knows a script. */
  shaOf(script: Script): string {
    return this.#prepare(script).sha;
  }

  /** Makes the server know these before their first run. */
  async load(link: Link, scripts: readonly Script[]): Promise<void> {
    await Promise.all(scripts.map((script) => link.call("SCRIPT", ["LOAD", this.#prepare(script).text])));
  }

  /** One EVALSHA; if the server does not know the script (restart, SCRIPT FLUSH) nothing has run, and it goes out once as EVAL. */
  async run(
    link: Link,
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    options?: CallOptions,
  ): Promise<unknown> {
    if (options === undefined && keys.length + args.length >= manyTexts)
      return this.runWritten(link, script, callOf(keys, args));
    const { sha, text } = this.#prepare(script);
    const call: Argument[] = [sha, String(keys.length)].concat(keys, args as string[]);
    try {
      return await link.call("EVALSHA", call, options);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      return await link.call("EVAL", call.with(0, text), options);
    }
  }

  /** The same of a call that leaves as bytes. */
  async runWritten(link: Link, script: Script, call: WrittenCall): Promise<unknown> {
    const { sha, text } = this.#prepare(script);
    try {
      return await this.#send(link, call, "EVALSHA", sha);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      return await this.#send(link, call, "EVAL", text);
    }
  }

  async #send(link: Link, call: WrittenCall, command: "EVALSHA" | "EVAL", subject: string): Promise<unknown> {
    const room = this.#rooms.take(call.mostBytes(subject));
    const answer = await link.callWritten(command.toLowerCase(), room.subarray(0, call.write(room, command, subject)));
    this.#rooms.give(room);
    return answer;
  }

  #prepare(script: Script): Prepared {
    const known = this.#prepared.get(script);
    if (known) return known;
    const head = !script.atFull
      ? ""
      : this.#major >= shebangMajor
        ? "#!lua flags=allow-oom\n"
        : "redis.call('HDEL', KEYS[1], '')\n";
    const text = head + script.lua.trim();
    const prepared = { text, sha: createHash("sha1").update(text).digest("hex") };
    this.#prepared.set(script, prepared);
    return prepared;
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof ServerRefusal && error.word === "NOSCRIPT";
}
