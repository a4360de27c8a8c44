/** The ledger beside the results: starts and kept messages, in script calls of bounded size. Repeats after a lost answer are harmless. */

import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import type { Fence, Millis } from "../../port/units.ts";
import type { Argument } from "./client.ts";
import type { Context } from "./context.ts";
import { pieces, whole } from "./pieces.ts";
import { outcomeOf } from "./result-meta.ts";
import { giveScript, overdueScript, releaseScript, renewHoldScript, takeScript } from "./script/custody.ts";
import { nameOf } from "../../port/start-law.ts";
import { beginScript, finishScript, followsScript, reopenScript } from "./script/ledger.ts";
import { mostBytes, mostItems, type Script } from "./script/script.ts";
import { ServerClock } from "./server-clock.ts";

const openLetters = { open: "o", retried: "w", replaced: "p" } as const;

interface Call {
  readonly script: Script;
  /** The first are those of all items. */
  readonly keys: string[];
  readonly args: Argument[];
}

export class RedisLedger implements Ledger {
  readonly #context: Context;
  /** Nothing is given back while the server's clock has just stepped: the living would look dead. */
  readonly #serverClock: ServerClock;

  /** The sorted set of the ends of their leases. */
  readonly #held: string;

  constructor(context: Context, broker = "") {
    this.#context = context;
    this.#held = context.keys.held(broker);
    this.#serverClock = new ServerClock(context.clock, () => {});
  }

  within(broker: string): Ledger {
    return new RedisLedger(this.#context, broker);
  }

  async begin(starts: readonly Start[]): Promise<readonly Begun[]> {
    const answers = new Map<Start, Begun>();
    // Those whose large results did not fit into the answer are asked for again: they are final, and stay so.
    for (let open = starts; open.length > 0; open = open.filter((start) => !answers.has(start))) {
      await Promise.all(pieces(open).map((piece) => this.#begin(piece, answers)));
    }
    return starts.flatMap((start) => answers.get(start) ?? []);
  }

  async #begin(starts: readonly Start[], answers: Map<Start, Begun>): Promise<void> {
    const { keys } = this.#context;
    const call: Call = { script: beginScript, keys: [keys.unacked, this.#held], args: [String(mostBytes)] };
    for (const start of starts) {
      const { id, attempt, messageId = "", blame, nonce } = start;
      call.keys.push(keys.meta(id), keys.checkpoints(id), keys.hold(id));
      const flags = [againOf(start), blame === "sure" ? "1" : "0"];
      call.args.push(id, String(attempt), messageId, ...flags, nonce, namesOf(start), nameOf(start) ?? "");
    }
    const [text, ...metas] = (await this.#run(call)) as Buffer[];
    const lines = text?.toString().split("\n") ?? [];
    for (const [index, start] of starts.entries()) {
      const [letter, fence, crashes, suspicions] = lines[index]?.split(" ") ?? [];
      if (letter === "G") {
        const counts = { crashes: Number(crashes), suspicions: Number(suspicions) };
        answers.set(start, { kind: "go", fence: Number(fence), ...counts });
      } else if (letter === "F") {
        const meta = metas.shift();
        answers.set(start, { kind: "final", outcome: meta && outcomeOf(start.id, meta) });
      } else if (letter === "E") answers.set(start, { kind: "final", outcome: undefined });
      else if (letter === "H") answers.set(start, { kind: "held" });
      else if (letter === "S") answers.set(start, { kind: "stale" });
      else if (letter !== "L") throw new Error(`a start was answered "${lines[index]}"`);
    }
  }

  async follows(messages: readonly Waiting[]): Promise<readonly (Fence | undefined)[]> {
    const { keys } = this.#context;
    const answers = await Promise.all(
      pieces(messages).map((piece) =>
        this.#run({
          script: followsScript,
          keys: [keys.unacked, ...piece.map(({ id }) => keys.checkpoints(id))],
          args: piece.flatMap((waiting) => {
            const { attempt, messageId = "" } = waiting;
            return [String(attempt), messageId, againOf(waiting), namesOf(waiting)];
          }),
        }),
      ),
    );
    return (answers as Buffer[][]).flat().map((fence) => (fence.length === 0 ? undefined : Number(fence.toString())));
  }

  async reopen(marks: Parameters<Ledger["reopen"]>[0]): Promise<void> {
    const { keys } = this.#context;
    for (const piece of pieces(marks)) {
      const call: Call = { script: reopenScript, keys: [keys.unacked], args: [] };
      for (const { id, fence, crashes, suspicions, as = "open" } of piece) {
        call.keys.push(keys.checkpoints(id));
        call.args.push(String(fence), String(crashes ?? ""), String(suspicions ?? ""), openLetters[as]);
      }
      await this.#run(call);
    }
  }

  async finish(ended: readonly Claimed[]): Promise<readonly ("finished" | "fenced")[]> {
    const { keys } = this.#context;
    const letters = await this.#letters(pieces(ended), (piece) => ({
      script: finishScript,
      keys: [keys.unacked, ...piece.map(({ id }) => keys.checkpoints(id))],
      args: piece.map(({ fence }) => String(fence)),
    }));
    return letters.map((letter) => (letter === "F" ? "finished" : "fenced"));
  }

  async take(holds: readonly Hold[], lease: Millis): Promise<readonly ("held" | "fenced")[]> {
    const { keys } = this.#context;
    const parts = pieces(holds, ({ raw }) => raw.length);
    const letters = await this.#letters(parts, (piece) => {
      const call: Call = { script: takeScript, keys: [keys.unacked, this.#held, keys.control], args: [whole(lease)] };
      for (const { id, fence, queue, raw } of piece) {
        call.keys.push(keys.checkpoints(id), keys.hold(id));
        call.args.push(id, String(fence), queue, Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength));
      }
      return call;
    });
    return letters.map((letter) => (letter === "H" ? "held" : "fenced"));
  }

  async renew(holds: readonly Claimed[], lease: Millis): Promise<readonly boolean[]> {
    const { keys } = this.#context;
    const letters = await this.#letters(pieces(holds), (piece) => ({
      script: renewHoldScript,
      keys: [keys.unacked, this.#held, ...piece.map(({ id }) => keys.checkpoints(id))],
      args: [whole(lease), ...piece.flatMap(({ id, fence }) => [id, String(fence)])],
    }));
    return letters.map((letter) => letter === "H");
  }

  async expired(lease: Millis, limit: number): Promise<readonly ExpiredHold[]> {
    const { keys } = this.#context;
    const most = String(Math.min(limit, mostItems));
    const overdue = {
      script: overdueScript,
      keys: [keys.unacked, this.#held, keys.control],
      args: [whole(lease), most],
    };
    const [now, ...found] = (await this.#run(overdue)) as Buffer[];
    const stepped = this.#serverClock.saw(Number(now?.toString()), lease);
    if (stepped || this.#serverClock.unsettled || found.length === 0) return [];
    const ids = found.map((id) => id.toString());
    const parts = (await this.#run({
      script: giveScript,
      keys: [keys.unacked, this.#held, ...ids.flatMap((id) => [keys.checkpoints(id), keys.hold(id)])],
      args: [whole(lease), String(mostBytes), ...ids.flatMap((id) => [id, crypto.randomUUID()])],
    })) as Buffer[];
    const given: ExpiredHold[] = [];
    for (let at = 0; at + 4 < parts.length; at += 5) {
      const [id = "", fence, queue = "", messageId = ""] = parts.slice(at, at + 4).map(String);
      given.push({ id, fence: Number(fence), queue, messageId, raw: parts[at + 4] ?? new Uint8Array() });
    }
    return given;
  }

  async release(holds: readonly Claimed[]): Promise<void> {
    const { keys } = this.#context;
    for (const piece of pieces(holds)) {
      await this.#run({
        script: releaseScript,
        keys: [keys.unacked, this.#held, ...piece.flatMap(({ id }) => [keys.checkpoints(id), keys.hold(id)])],
        args: piece.flatMap(({ id, fence }) => [id, String(fence)]),
      });
    }
  }

  /** A letter for each item. */
  async #letters<T>(
    parts: readonly (readonly T[])[],
    callOf: (piece: readonly T[]) => Call,
  ): Promise<readonly string[]> {
    const texts = await Promise.all(parts.map((piece) => this.#run(callOf(piece))));
    return texts.map(String).join("").split("");
  }

  #run({ script, keys, args }: Call): Promise<unknown> {
    return this.#context.ask(() => this.#context.run(script, keys, args, { binary: true }));
  }
}

function againOf({ redelivered, unsaid }: Waiting): string {
  return `${redelivered ? "1" : "0"}${unsaid === true ? "?" : ""}`;
}

function namesOf({ formerly }: Waiting): string {
  return formerly === undefined ? "" : JSON.stringify(formerly);
}
