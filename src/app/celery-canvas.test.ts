/** Workflows as messages, beside what Celery 5.2.6 and 5.6.3 sent for the same (`wire/fixtures/README.md`). */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { chain } from "../canvas/chain.ts";
import { chord } from "../canvas/chord.ts";
import { group } from "../canvas/group.ts";
import { chunksOf, mapOf, starmapOf } from "../canvas/map.ts";
import { Signature } from "../task/signature.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import type { Message } from "../wire/message.ts";
import { readTaskHeaders } from "../wire/task-message.ts";
import { coreOf, createApp } from "./app.ts";

const app = createApp({ broker: "memory:celery-canvas" });
afterAll(() => app.close());

const call = (name: string, args: readonly unknown[] = [], immutable = false): Signature<unknown, unknown> =>
  new Signature({ task: `tasks.${name}`, args, kwargs: {}, immutable });
const add = (...args: number[]): Signature<unknown, unknown> => call("add", args);
const total = call("tsum");
const mul = (n: number): Signature<unknown, unknown> => call("mul", [n]);
const errback = call("errback");

/** By the names of the captures. */
const workflows: Readonly<Record<string, Signature<unknown, unknown>>> = {
  chain_3: chain(add(1, 2), mul(3), call("identity")),
  chain_group_task_upgrade: chain(add(1, 1), group(add(2), add(3)), total),
  chain_immutable: chain(add(1, 2), call("add", [5, 5], true)),
  chain_link_error: chain(add(1, 2), mul(3)).linkError(errback),
  chord_body_chain: chord([add(1, 1), add(2, 2)], chain(total, mul(2))),
  chord_link_error: chord([call("fail", ["h"]), add(2, 2)], total.linkError(errback)),
  chord_simple: chord([add(1, 1), add(2, 2)], total),
  chunks: chunksOf("tasks.add", [[1, 1], [2, 2], [3, 3]], 2, {}), // prettier-ignore
  group_3: group(add(1, 1), add(2, 2), add(3, 3)),
  group_chain_members: chord([chain(add(1, 1), mul(2)), add(2, 2)], total),
  link_list: add(2, 2)
    .link(mul(3))
    .link(call("nop", [], true)),
  map: mapOf("tasks.identity", [1, 2], {}),
  nested_chord: chord([chord([add(1, 1), add(2, 2)], total), add(5, 5)], total),
  stamped_chain: chain(add(1, 2), mul(3)).stamp({ tenant: "t1" }),
  starmap: starmapOf("tasks.add", [[1, 1], [2, 2]], {}), // prettier-ignore
};

async function sent(workflow: Signature<unknown, unknown>): Promise<readonly Message[]> {
  const { broker } = await coreOf(app).connect();
  const publish = broker.publish.bind(broker);
  const messages: Message[] = [];
  broker.publish = (batch, signal) => {
    messages.push(...batch.map(({ message }) => message));
    return publish(batch, signal);
  };
  await app.delay(workflow);
  broker.publish = publish;
  return messages;
}

/**
 * Without what says nothing, and without what a reader decides anew: who is answered; who is nobody's child; of a chord that is started
 * later, what its members are told then; of a chord's body, that it is in the group of its own members, as Celery 5.6 has it and 5.2 has not.
 */
function bare(
  value: unknown,
  place: { readonly gid?: unknown; readonly later?: boolean; readonly body?: boolean },
): unknown {
  if (Array.isArray(value)) return value.map((each) => bare(each, place));
  if (typeof value !== "object" || value === null) return value;
  const dict = value as Readonly<Record<string, unknown>>;
  const { gid, later = false, body = false } = place;
  const dropped = new Set(["reply_to", "add_to_parent", ...(later ? ["chord", "group_index"] : [])]);
  if (body && dict["group_id"] === gid) dropped.add("group_id");
  const inside = { gid: dict["group_id"] ?? gid, later: later || dict["task"] === "celery.chord" };
  return Object.fromEntries(
    Object.entries(dict)
      .filter(([name, member]) => member !== null && !dropped.has(name))
      .toSorted(([x], [y]) => (x < y ? -1 : 1))
      .map(([name, member]) => [name, bare(member, { ...inside, body: body || name === "chord" })]),
  );
}

/** With its ids numbered as they come. */
function numbered(value: unknown): unknown {
  const ids = new Map<string, string>();
  const text = JSON.stringify(value).replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, (id) => {
    if (!ids.has(id)) ids.set(id, `id-${ids.size + 1}`);
    return ids.get(id) ?? "";
  });
  return JSON.parse(text);
}

function plain(messages: readonly Message[], version: string): unknown {
  const all = messages.map((message) => {
    const { task, id, rootId, parentId, group: gid, groupIndex, stamps } = readTaskHeaders(message);
    const body = bare(JSON.parse(new TextDecoder().decode(message.body)), { gid });
    // 5.2 told no place in a group, and gave a chain no id of its own.
    if (version !== "5.2.6") return { task, id, rootId, parentId, gid, groupIndex, stamps, body };
    const text = JSON.stringify(body).replaceAll(
      /"options":\{"task_id":"[^"]+"\},"subtask_type":"chain"/g,
      '"options":{},"subtask_type":"chain"',
    );
    return { task, id, rootId, parentId, gid, body: JSON.parse(text) as unknown };
  });
  return numbered(all);
}

describe.each(["5.2.6", "5.6.3"])("Celery %s", (version) => {
  const path = new URL(`../wire/fixtures/celery-${version}-producer.json`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as {
    cases: Readonly<Record<string, { messages: readonly { raw: string }[] }>>;
  };

  it.each(Object.keys(workflows).filter((name) => cases[name] !== undefined))("sent the same: %s", async (name) => {
    const theirs = (cases[name]?.messages ?? []).map(({ raw }) => decodeEnvelope(raw) as Message);
    const ours = await sent(workflows[name] as Signature<unknown, unknown>);
    expect(plain(ours, version)).toEqual(plain(theirs, version));
  });
});
