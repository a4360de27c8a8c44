import { array, assert, integer, oneof, property, string, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { putAbort, putAnswer, putCall, putStop, readCallFrame } from "./call-frame.ts";
import { FrameDraft, FrameReader, OpenFrame } from "./frame.ts";
import type { Call, Reply } from "./pool-message.ts";
import { putAsk, putBegan, putLog, putProgress, putReply, readReplyFrame } from "./reply-frame.ts";

const call: Call = {
  slot: 7,
  task: "image.resize",
  id: "a",
  attempt: 2,
  fence: 1_763_000_000_000_001,
  input: { contentType: "application/json", bytes: Buffer.from("[[],{}]") },
  soft: 100,
  hard: null,
  checkpoints: [["plan", "3"]],
  lineage: { root: "r", parent: "p", group: null, stamps: { stamp: [1] }, trace: null },
  isolated: true,
  queue: "slow",
  headers: '{"tenant":"ä"}',
};

function whole(draft: FrameDraft, apart = 16): Buffer {
  return Buffer.concat(draft.take(apart));
}

describe("frames", () => {
  it("carries any bodies, cut anywhere", () => {
    const body = oneof(string({ unit: "grapheme", maxLength: 60 }), uint8Array({ maxLength: 60 }));
    assert(
      property(array(array(body, { maxLength: 4 }), { maxLength: 5 }), integer({ min: 1, max: 40 }), (frames, step) => {
        const draft = new FrameDraft();
        const stream = Buffer.concat(
          frames.map((bodies) => {
            for (const each of bodies) draft.item([draft.body(each)]);
            return whole(draft, step);
          }),
        );
        const seen: Buffer[][] = [];
        const reader = new FrameReader((bytes) => {
          const frame = new OpenFrame(bytes);
          seen.push(frame.items.map(([length]) => Buffer.from(frame.body(length as number))));
        });
        for (let at = 0; at < stream.length; at += step) reader.push(Buffer.from(stream.subarray(at, at + step)));
        expect(seen).toEqual(frames.map((bodies) => bodies.map((each) => Buffer.from(each as string))));
      }),
    );
  });

  it("hands large bodies over as they are, in their place", () => {
    const draft = new FrameDraft();
    const large = Buffer.alloc(100, 1);
    for (const body of ["ab", large, "cd"]) draft.item([draft.body(body)]);
    const pieces = draft.take(50);
    expect(pieces).toContain(large);
    expect(Buffer.concat(pieces).subarray(-104).toString("latin1")).toBe(`ab${"\u0001".repeat(100)}cd`);
    expect(draft.empty).toBe(true);
  });

  it("refuses what is no frame", () => {
    const reader = new FrameReader(() => {});
    expect(() => reader.push(Buffer.from("hello, I am a stray write"))).toThrow("not a frame");
    const draft = new FrameDraft();
    draft.item([draft.body("four")]);
    expect(() => new OpenFrame(whole(draft)).body(5)).toThrow("ends before");
  });

  it("keeps calls, aborts, answers and stop in order", () => {
    const draft = new FrameDraft();
    const lean: Call = {
      ...call,
      lineage: { ...call.lineage, root: "a", parent: null },
      checkpoints: [],
      isolated: false,
    };
    putCall(draft, call, 0);
    putCall(draft, lean, 12.5);
    putAbort(draft, 7, "revoked");
    putAnswer(draft, 1, true, { n: 2n ** 60n, at: new Date(5) }, undefined);
    putAnswer(draft, 2, false, "no", "QUEUE_FULL");
    putAnswer(draft, 3, true, undefined, undefined);
    putCall(draft, lean, 0);
    putStop(draft, 5);
    expect(readCallFrame(whole(draft))).toEqual([
      {
        t: "run",
        calls: [
          { ...call, startBy: 0 },
          { ...lean, startBy: 12.5 },
        ],
      },
      { t: "abort", slot: 7, reason: "revoked" },
      { t: "reply", ask: 1, ok: true, value: { n: 2n ** 60n, at: new Date(5) } },
      { t: "reply", ask: 2, ok: false, value: "no", code: "QUEUE_FULL" },
      { t: "reply", ask: 3, ok: true, value: undefined },
      { t: "run", calls: [{ ...lean, startBy: 0 }] },
      { t: "stop", grace: 5 },
    ]);
  });

  it("keeps starts, replies, progress, lines and asks in order", () => {
    const draft = new FrameDraft();
    const error = {
      name: "E",
      message: "m",
      stack: "s",
      code: null,
      args: [2n ** 60n],
      retryable: null,
      matches: [],
      cause: null,
    };
    const failed: Reply = { slot: 2, k: "error", error, ms: 1 };
    const asked: Reply = { slot: 3, k: "control", what: "retry", detail: { delay: 5 }, ms: 2 };
    putBegan(draft, [1, 2, 3]);
    putReply(draft, { slot: 1, k: "value", text: '"ä"', ms: 0.5 });
    putReply(draft, failed);
    putReply(draft, asked);
    putProgress(draft, [[1, 5, null, "x"]]);
    putLog(draft, [[1, 20, "line", null]], 4);
    putAsk(draft, 9, 1, { k: "get", id: "z" });
    expect(readReplyFrame(whole(draft))).toEqual([
      { t: "began", slots: [1, 2, 3] },
      { t: "done", replies: [{ slot: 1, k: "value", bytes: Buffer.from('"ä"'), ms: 0.5 }, failed, asked] },
      { t: "progress", items: [[1, 5, null, "x"]] },
      { t: "log", items: [[1, 20, "line", null]], dropped: 4 },
      { t: "ask", ask: 9, slot: 1, what: { k: "get", id: "z" } },
    ]);
  });
});
