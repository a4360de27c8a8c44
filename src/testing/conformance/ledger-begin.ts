/** Starts: which of them go, what is counted, and what is refused to those that were replaced. */

import { expect, it } from "vitest";
import { beginOne, fenceOf, go, goes, ledgerOf, startOf, take } from "./ledger-rig.ts";
import { resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const stale = { kind: "stale" };

export function beginCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("goes at first sight, with a fence not below the server's microseconds", async () => {
    const rig = use();
    const client = await rig.client();
    const before = rig.server.now();
    const answer = await beginOne(client, rig.name("first"));
    expect(answer).toEqual({ kind: "go", fence: expect.any(Number), crashes: 0, suspicions: 0 });
    expect(fenceOf(answer)).toBeGreaterThanOrEqual(before * 1_000);
    expect(Number.isSafeInteger(fenceOf(answer))).toBe(true);
    expect(await ledgerOf(client).begin([])).toEqual([]);
  });

  it("raises the fence of an id with each start", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("fences");
    let last = 0;
    for (let death = 0; death < 20; death += 1) {
      const { fence } = await go(client, id, { redelivered: death > 0 });
      expect(fence).toBeGreaterThan(last);
      last = fence;
    }
  });

  it("counts a start that died as it was blamed, death by death", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("blame");
    const message = { messageId: "m", redelivered: true };
    expect(await beginOne(client, id, { messageId: "m", blame: "suspect" })).toEqual(goes(0, 0));
    expect(await beginOne(client, id, { ...message, blame: "sure" })).toEqual(goes(0, 1));
    expect(await beginOne(client, id, { ...message, blame: "sure" })).toEqual(goes(1, 1));
    expect(await beginOne(client, id, { ...message, blame: "suspect" })).toEqual(goes(2, 1));
    expect(await beginOne(client, id, message)).toEqual(goes(2, 2));
  });

  it("counts nothing when the first that is seen is a redelivery", async () => {
    const rig = use();
    expect(await beginOne(await rig.client(), rig.name("late"), { redelivered: true })).toEqual(goes(0, 0));
  });

  it("knows a second message of what has begun, under the same name, another, or none", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("copies");
    const claimed = await go(client, id, { messageId: "m" });
    for (const messageId of ["m", "other", "", undefined])
      expect(await beginOne(client, id, { messageId })).toEqual(stale);
    expect(await client.store.commit([resultOf(id, "STARTED", claimed.fence)])).toEqual(["stored"]);
    const nameless = rig.name("nameless");
    await go(client, nameless, { messageId: undefined });
    expect(await beginOne(client, nameless, { messageId: undefined })).toEqual(stale);
  });

  it("lets one of two go of what was put back and lies there twice, until that one's own message comes again", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("twice");
    const first = await go(client, id, { messageId: "first" });
    await ledgerOf(client).reopen([{ ...first, crashes: 1 }]);
    const second = { messageId: "second", redelivered: true, formerly: ["first"] };
    expect(await beginOne(client, id, second)).toEqual(goes(1, 0));
    expect(await beginOne(client, id, second), "sent twice").toEqual(stale);
    const unacknowledged = { messageId: "first", redelivered: true, formerly: ["first"] };
    expect(await beginOne(client, id, unacknowledged), "sent, and the former one not acknowledged").toEqual(stale);
    expect(await beginOne(client, id, { ...second, formerly: [] })).toEqual(stale);
    expect(await beginOne(client, id, { ...second, formerly: ["first", "second"] })).toEqual(goes(1, 1));
    const third = { messageId: "third", redelivered: true, formerly: ["first", "second"] };
    expect(await beginOne(client, id, third), "put back by who had not begun it").toEqual(goes(1, 2));
    expect(await beginOne(client, id, third)).toEqual(stale);
    expect(await beginOne(client, id, { messageId: "fourth", redelivered: true }), "none is known").toEqual(goes(1, 3));
    await go(client, id, { redelivered: true, messageId: undefined });
    expect(await beginOne(client, id, second), "what has begun had no name").toEqual(goes(1, 5));
  });

  it("tells two of one message id apart by their names, when whoever held both is gone", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("named")];
    const back = (name: string) => startOf(id, { messageId: "m", name, redelivered: true, formerly: [name] });
    await go(client, id, { messageId: "m", name: "one" });
    expect(await ledgerOf(client).begin([back("other"), back("one")])).toEqual([stale, goes(0, 1)]);
    expect(await ledgerOf(client).begin([back("one"), back("other")])).toEqual([goes(0, 2), stale]);
  });

  it("refuses an earlier attempt, and lets a later one go with the counts", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("attempts");
    await go(client, id, { attempt: 1 });
    await go(client, id, { attempt: 1, redelivered: true });
    expect(await beginOne(client, id, { attempt: 2 })).toEqual(goes(0, 1));
    expect(await beginOne(client, id, { attempt: 1 })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 1, redelivered: true })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 10 })).toEqual(goes(0, 1));
    expect(await beginOne(client, id, { attempt: 9, redelivered: true })).toEqual(stale);
  });

  it("answers the same to a repeat, and counts nothing for it", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("repeat");
    const first = startOf(id);
    const [answer] = await ledgerOf(client).begin([first]);
    expect(await ledgerOf(client).begin([first, { ...first, nonce: "another" }])).toEqual([answer, stale]);
    const second = startOf(id, { redelivered: true, messageId: first.messageId });
    const [again] = await ledgerOf(client).begin([second]);
    expect(again).toEqual(goes(0, 1));
    expect(await ledgerOf(client).begin([second])).toEqual([again]);
    // Late, and of one that was replaced meanwhile.
    expect(await ledgerOf(client).begin([first])).toEqual([stale]);
  });

  it("is safe to repeat when the answer was lost", async ({ skip }) => {
    const rig = use();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const client = await rig.client();
    const id = rig.name("cut");
    for (const suspicions of [0, 1]) {
      await rig.server.cutReply?.(client, "begin");
      expect(await beginOne(client, id, { redelivered: suspicions > 0 })).toEqual(goes(0, suspicions));
    }
    const claimed = await go(client, id, { redelivered: true });
    await rig.server.cutReply?.(client, "take");
    await take(client, claimed, 60_000);
    await ledgerOf(client).release([claimed]);
    await rig.server.cutReply?.(client, "finish");
    expect(await ledgerOf(client).finish([claimed])).toEqual(["finished"]);
  });

  it("lets one of many racing starts go", async () => {
    const rig = use();
    const clients = [await rig.client(), await rig.client(), await rig.client()];
    const ids = Array.from({ length: 10 }, () => rig.name("race"));
    const rounds = clients.flatMap((client) =>
      Array.from({ length: 5 }, () => ledgerOf(client).begin(ids.map((id) => startOf(id)))),
    );
    const answers = await Promise.all(rounds);
    for (const index of ids.keys()) {
      const kinds = answers.map((round) => round[index]?.kind);
      expect(kinds.filter((kind) => kind === "go")).toHaveLength(1);
      expect(kinds.filter((kind) => kind === "stale")).toHaveLength(14);
    }
  });

  it("answers many in their order, two of one id one after the other", async () => {
    const rig = use();
    const client = await rig.client();
    const ids = Array.from({ length: 1_200 }, () => rig.name("many"));
    const [first = "", twice = "", final = ""] = ids;
    await client.store.commit([resultOf(final, "SUCCESS", 1)]);
    ids[600] = twice;
    ids[1_100] = first;
    const answers = await ledgerOf(client).begin(ids.map((id, index) => startOf(id, { redelivered: index === 600 })));
    expect(answers).toHaveLength(1_200);
    expect(answers[600]).toEqual(goes(0, 1));
    expect(fenceOf(answers[600])).toBeGreaterThan(fenceOf(answers[1]));
    expect(answers[1_100]).toEqual(stale);
    expect(answers[2]?.kind).toBe("final");
    expect(answers.filter(({ kind }) => kind === "go")).toHaveLength(1_198);
  });

  it("takes names that are traps", async () => {
    const rig = use();
    const client = await rig.client();
    const traps = ["__proto__", "constructor", "a b\n", "ü*?[x] 😀", `"'; --`, "=", "#", "b 0 1 1 0 0"];
    for (const trap of traps) {
      const claimed = await go(client, trap, { messageId: trap, worker: trap, nonce: trap });
      expect(await beginOne(client, trap, { messageId: trap })).toEqual(stale);
      const raw = Uint8Array.from([0, 255, 10, 34]);
      expect(await ledgerOf(client).take([{ ...claimed, queue: trap, raw }], 0)).toEqual(["held"]);
      const [given] = await ledgerOf(client).expired(60_000, 10);
      expect(given).toMatchObject({ ...claimed, queue: trap });
      expect([...(given?.raw ?? [])]).toEqual([...raw]);
      expect(await beginOne(client, trap, { messageId: given?.messageId })).toEqual(goes(0, 1));
      const back = { messageId: trap, redelivered: true, formerly: [trap, given?.messageId ?? ""] };
      expect(await beginOne(client, trap, back)).toEqual(goes(0, 2));
      expect(await beginOne(client, trap, { ...back, formerly: [`${trap} `] })).toEqual(stale);
      expect(await beginOne(client, trap, back)).toEqual(goes(0, 3));
    }
  });
}

export function endingCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it.each(["SUCCESS", "FAILURE", "REVOKED"])("answers a start after %s with what is stored", async (state) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const id = rig.name("final");
    const claimed = await go(client, id);
    const write = resultOf(id, state, claimed.fence, { value: "x".repeat(100_000) });
    expect(await client.store.commit([write])).toEqual(["stored"]);
    for (const rest of [{}, { redelivered: true }, { attempt: 7 }]) {
      const answer = await beginOne(other, id, rest);
      expect(answer).toMatchObject({ kind: "final", outcome: { id, state } });
      const meta = answer.kind === "final" ? answer.outcome?.meta : undefined;
      expect(Buffer.from(meta ?? []).equals(Buffer.from(write.meta))).toBe(true);
    }
    await other.store.forget([id]);
    expect(await beginOne(other, id)).toEqual(goes(0, 0));
  });

  it("gives back many large results", async () => {
    const rig = use();
    const client = await rig.client();
    const ids = Array.from({ length: 12 }, () => rig.name("large"));
    const value = "x".repeat(1_000_000);
    await client.store.commit(ids.map((id) => resultOf(id, "SUCCESS", 1, { value })));
    const answers = await ledgerOf(client).begin([...ids, rig.name("new")].map((id) => startOf(id)));
    expect(answers.at(-1)).toEqual(goes(0, 0));
    expect(answers.slice(0, -1).map((answer) => answer.kind === "final" && answer.outcome?.id)).toEqual(ids);
  });

  it("is not ended by a state that is not final", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("progress");
    const claimed = await go(client, id);
    await client.store.commit([resultOf(id, "PROGRESS", claimed.fence, { value: { status: "SUCCESS" } })]);
    expect(await beginOne(client, id)).toEqual(stale);
    expect(await beginOne(client, id, { redelivered: true })).toEqual(goes(0, 1));
  });

  it("refuses the writes of a start that was replaced", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const id = rig.name("zombie");
    const former = await go(client, id);
    const next = await go(other, id, { redelivered: true });
    expect(await client.store.commit([resultOf(id, "SUCCESS", former.fence)])).toEqual(["fenced"]);
    expect(await client.store.commit([resultOf(id, "PROGRESS", former.fence)])).toEqual(["fenced"]);
    expect(await client.store.checkpoints?.write(id, former.fence, "a", new Uint8Array(1), 60_000)).toBe("fenced");
    expect(await client.store.get([id])).toEqual([undefined]);
    expect(await other.store.checkpoints?.write(id, next.fence, "a", new Uint8Array(1), 60_000)).toBe("stored");
    expect(await other.store.commit([resultOf(id, "SUCCESS", next.fence)])).toEqual(["stored"]);
    const [late] = await client.store.commit([resultOf(id, "FAILURE", former.fence)]);
    expect(["fenced", "already-final"]).toContain(late);
  });

  it("forgets a result, not that a run is going on", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("forgotten");
    const former = await go(client, id);
    const next = await go(client, id, { redelivered: true });
    await client.store.commit([resultOf(id, "STARTED", next.fence)]);
    await client.store.forget([id]);
    expect(await client.store.commit([resultOf(id, "SUCCESS", former.fence)])).toEqual(["fenced"]);
    expect(await beginOne(client, id)).toEqual(stale);
    expect(await client.store.commit([resultOf(id, "SUCCESS", next.fence)])).toEqual(["stored"]);
  });

  it("goes again after a run was put back, with the counts it was given", async () => {
    const rig = use();
    const client = await rig.client();
    const ledger = ledgerOf(client);
    const id = rig.name("reopen");
    const first = await go(client, id, { blame: "sure" });
    const second = await go(client, id, { redelivered: true });
    await ledger.reopen([{ ...first, crashes: 9, suspicions: 9 }]);
    expect(await beginOne(client, id), "put back by one that was replaced").toEqual(stale);
    await ledger.reopen([second, { id: rig.name("nobody"), fence: 1 }]);
    const third = await beginOne(client, id, { redelivered: true });
    expect(third).toEqual(goes(1, 0));
    await ledger.reopen([{ id, fence: fenceOf(third), suspicions: 4 }]);
    const fourth = await beginOne(client, id, { attempt: 2 });
    expect(fourth).toEqual(goes(1, 4));
    await ledger.reopen([{ id, fence: fenceOf(fourth), crashes: 0, suspicions: 0 }]);
    expect(await beginOne(client, id)).toEqual(goes(0, 0));
    await ledger.reopen([]);
  });

  it("remembers a run that left no result", async () => {
    const rig = use();
    const client = await rig.client();
    const ledger = ledgerOf(client);
    const id = rig.name("finish");
    const former = await go(client, id);
    const next = await go(client, id, { redelivered: true });
    expect(await ledger.finish([former, next])).toEqual(["fenced", "finished"]);
    expect(await ledger.finish([next])).toEqual(["finished"]);
    for (const rest of [{}, { redelivered: true }, { attempt: 2 }])
      expect(await beginOne(client, id, rest)).toEqual({ kind: "final", outcome: undefined });
    await ledger.reopen([next]);
    expect(await beginOne(client, id)).toEqual({ kind: "final", outcome: undefined });
    expect(await client.store.get([id])).toEqual([undefined]);
    expect(await ledger.finish([])).toEqual([]);
  });
}
