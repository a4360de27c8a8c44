import { describe, expect, it } from "vitest";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Joins } from "../port/joins.ts";
import { TaskRegistry } from "../task/registry.ts";
import { noEmbed } from "../wire/task-body.ts";
import { makeTaskMessage, readTaskHeaders } from "../wire/task-message.ts";
import { ChordMembers } from "./chord-member.ts";
import type { Execution } from "./execution.ts";
import { openApartStore } from "./fixtures/apart-store.ts";
import { call } from "./fixtures/chord-bench.ts";

const body = call("t.body", "body");
const member = JSON.stringify({ ...call("t.more", ""), options: {} });

/** A run of the first of two members, and what it sends. */
async function stage(publish: (send: readonly Outgoing[]) => Promise<void> = async () => {}) {
  const { clock, store } = await openApartStore();
  const joins = store.joins as Joins;
  await joins.open([{ group: "g", size: 2, body: Buffer.from(JSON.stringify(body)), ttl: 60_000 }]);
  const context = {
    registry: new TaskRegistry(),
    defaultQueue: "celery",
    worker: "w",
    resultTtl: 1000,
    random: () => 0.5,
    now: clock.now(),
  };
  const sent: string[] = [];
  const members = new ChordMembers({
    joins,
    context: () => context,
    publish: async (send) => {
      await publish(send);
      sent.push(...send.map(({ message }) => String(message.headers["id"])));
    },
  });
  const message = makeTaskMessage({ task: "t.member", id: "m", args: [], kwargs: {}, group: "g", groupIndex: 0 });
  const run = (): Execution =>
    ({ headers: readTaskHeaders(message), embed: { ...noEmbed, chord: body } }) as unknown as Execution;
  const arrived = async (): Promise<readonly string[]> =>
    (await joins.members("g", 0, 10)).map(({ member: id, state }) => `${id} ${state}`);
  return { joins, members, sent, run, arrived };
}

describe("a member that is added to a chord", () => {
  it("is counted and sent once, however often the run that adds it is run", async () => {
    const { joins, members, sent, run } = await stage();
    const [first, second] = [run(), run()];
    const ids = [await members.add(first, member), await members.add(first, member)];
    expect([await members.add(second, member), await members.add(second, member)]).toEqual(ids);
    expect(new Set(sent)).toEqual(new Set(ids));
    const value = Buffer.from("1");
    const [joined] = await joins.arrive([{ group: "g", member: "m", index: 0, state: "SUCCESS", value, ttl: 60_000 }]);
    expect(joined).toMatchObject({ arrived: 1, size: 4, full: false });
  });

  it("fails the chord if it was counted and cannot be sent by anybody", async () => {
    const { members, run, arrived } = await stage(async () => {
      throw new CeleriacError("MESSAGE_TOO_LARGE", "too large");
    });
    await expect(members.add(run(), member)).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    expect(await arrived()).toEqual([expect.stringMatching(/ FAILURE$/)]);
  });

  it("waits for the next run of the task if the worker stops before it is sent", async () => {
    let stopping = true;
    const { members, sent, run, arrived } = await stage(async () => {
      if (stopping) throw new CeleriacError("BACKEND_CLOSED", "stopped");
    });
    await expect(members.add(run(), member)).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    expect(await arrived()).toEqual([]);
    stopping = false;
    expect(sent).toEqual([]);
    const id = await members.add(run(), member);
    expect(sent).toEqual([id]);
  });

  it("is refused when the chord has ended", async () => {
    const { joins, members, sent, run } = await stage();
    await joins.close(["g"]);
    await expect(members.add(run(), member)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(sent).toEqual([]);
  });
});
