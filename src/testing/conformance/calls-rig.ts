/** Calls of one key, as the cases of keys make them. */

import type { Delivery, Outgoing, Published } from "../../port/broker.ts";
import type { CallRule } from "../../port/call-law.ts";
import { type CallKind, callHeader } from "../../wire/call-mark.ts";
import { bodyOf, type Rig, type Tray } from "./rig.ts";
import type { OpenClient } from "./suite-server.ts";

const life = 3_600_000;

/** Calls of one key and one rule. */
export class Caller {
  readonly #rig: Rig;
  readonly #rule: Omit<CallRule, "key" | "life">;
  readonly #life: number;
  readonly queue: string;

  constructor(
    rig: Rig,
    rule: Omit<CallRule, "key" | "life">,
    own: { readonly queue?: string; readonly life?: number } = {},
  ) {
    this.#rig = rig;
    this.#rule = rule;
    this.#life = own.life ?? life;
    this.queue = own.queue ?? rig.name("calls");
  }

  /** Ids are short in a case, and its own on the server. */
  id(label: string): string {
    return `${label}@${this.queue}`;
  }

  outgoing(label: string, body: string, more: Partial<CallRule> = {}, due?: number): Outgoing {
    const id = this.id(label);
    const call: CallRule = { key: "suite.task:k", life: this.#life, ...this.#rule, ...more };
    const { key, hold } = call;
    const by: CallKind = "unique";
    const plain = this.#rig.outgoing(this.queue, { id, body: `[["${body}"],{},{}]` });
    const headers = { ...plain.message.headers, [callHeader]: { key, queue: this.queue, hold, life: call.life, by } };
    const name = crypto.randomUUID();
    return {
      queue: this.queue,
      message: { ...plain.message, headers },
      dedupe: { id: name, nonce: name, window: 60_000 },
      call,
      ...(due !== undefined && { due }),
    };
  }

  async send(client: OpenClient, id: string, body: string, more: Partial<CallRule> = {}): Promise<Published> {
    const answer = await this.#rig.publishOne(client, this.outgoing(id, body, more));
    return answer.kind === "held" ? { ...answer, id: labelOf(answer.id) } : answer;
  }

  /** Takes the place of the one that bears this id. */
  swap(client: OpenClient, id: string, body: string): Promise<Published> {
    return this.send(client, id, body, { replaces: this.id(id) });
  }
}

export function labelOf(id: string): string {
  return id.replace(/@.*/, "");
}

export const inputOf = (delivery: Delivery): unknown => (JSON.parse(bodyOf(delivery)) as [unknown[]])[0][0];

export async function begin(tray: Tray, delivery: Delivery): Promise<unknown> {
  await tray.consumer.begin?.([delivery]);
  return inputOf(delivery);
}
