import { describe, expect, it } from "vitest";
import type { Outgoing } from "../port/broker.ts";
import { TaskRegistry } from "../task/registry.ts";
import type { Signature } from "../wire/signature.ts";
import { decodeCall, type Embed, splitTaskBody } from "../wire/task-body.ts";
import { makeTaskMessage, readTaskHeaders } from "../wire/task-message.ts";
import { waitersOf } from "./arrival.ts";
import {
  type Follow,
  type FollowContext,
  followFailure,
  followSuccess as follow,
  needsJoin,
  nothingFollows,
} from "./follow.ts";

const context: FollowContext = { registry: new TaskRegistry(), defaultQueue: "celery", now: 1_800_000_000_000 };
const parent = readTaskHeaders(makeTaskMessage({ task: "t.parent", id: "p", args: [], kwargs: {}, rootId: "root" }));
const none: Embed = { callbacks: null, errbacks: null, chain: null, chord: null };

function signature(task: string, more: Partial<Signature> = {}): Signature {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false, ...more };
}

function read(outgoing: Outgoing | undefined): {
  headers: ReturnType<typeof readTaskHeaders>;
  call: ReturnType<typeof decodeCall>;
  embed: Embed;
} {
  if (!outgoing) throw new Error("nothing was sent");
  const { call, embed } = splitTaskBody(outgoing.message.body);
  return { headers: readTaskHeaders(outgoing.message), call: decodeCall(call), embed };
}

function followSuccess(...args: Parameters<typeof follow>): Follow["sends"] {
  return follow(...args).sends;
}

describe("what follows a task", () => {
  it("sends nothing for a task that nothing follows", () => {
    expect(follow(context, parent, none, "1")).toBe(nothingFollows);
    expect(followFailure(context, parent, none)).toBe(nothingFollows);
  });

  it("puts the exact text of the result in front of a callback's arguments", () => {
    const embed = { ...none, callbacks: [signature("t.next", { args: ["own"], kwargs: { a: 1 } })] };
    const [sent] = followSuccess(context, parent, embed, "123456789012345678901234567890");
    expect(new TextDecoder().decode(sent?.message.body)).toContain('[[123456789012345678901234567890,"own"],{"a":1},');
  });

  it("packs it as the app does, or as the step says", () => {
    const packing = { compression: "zlib", compressOver: 100 } as const;
    const mark = (named: string | undefined, result: string, more: Partial<FollowContext> = { packing }): unknown => {
      const embed = { ...none, callbacks: [signature("t.next", { options: { compression: named } })] };
      return followSuccess({ ...context, ...more }, parent, embed, result)[0]?.message.headers["compression"];
    };
    const long = JSON.stringify("x".repeat(1000));
    expect(mark(undefined, long)).toBe("application/x-gzip");
    expect(mark(undefined, "1")).toBeUndefined();
    expect(mark("zstd", "1")).toBe("application/zstd");
    expect(mark("bzip2", long)).toBe("application/x-gzip");
    expect(mark("bzip2", long, {})).toBeUndefined();
  });

  it("leaves an immutable callback's arguments alone", () => {
    const embed = { ...none, callbacks: [signature("t.next", { args: ["own"], immutable: true })] };
    expect(read(followSuccess(context, parent, embed, "1")[0]).call.args).toEqual(["own"]);
  });

  it("names what Celery 5.2 lets follow by who sends it: it may have put a chain in the place of a task, under its id", () => {
    const chain = [
      signature("t.last", { options: { task_id: "c" } }),
      signature("t.mid", { options: { task_id: "b" } }),
    ];
    const python = { ...makeTaskMessage({ task: "t.parent", id: "p", args: [], kwargs: {} }) };
    const names = (said: object): readonly unknown[] => {
      const headers = readTaskHeaders({ ...python, headers: { ...python.headers, lang: "py", ...said } });
      const [mid] = followSuccess(context, headers, { ...none, chain }, "1");
      const { headers: next, embed } = read(mid);
      const [last] = followSuccess(context, next, embed, "2");
      return [mid?.dedupe?.id, last?.dedupe?.id];
    };
    expect(names({})).toEqual(["b~p", "c~1"]);
    expect(names({ replaced_task_nesting: 0 })).toEqual(["b", "c"]);
  });

  it("sends the next step of a chain with the rest of it", () => {
    const chain = [
      signature("t.last", { options: { task_id: "c" } }),
      signature("t.mid", { options: { task_id: "b" } }),
    ];
    const sent = read(followSuccess(context, parent, { ...none, chain }, "1")[0]);
    expect(sent.headers).toMatchObject({ task: "t.mid", id: "b", parentId: "p", rootId: "root" });
    expect(sent.embed.chain).toMatchObject([{ task: "t.last" }]);
  });

  it("sends a built-in task that names no queue where its sender came from, and others to the default", () => {
    const embed = { ...none, callbacks: [signature("celery.accumulate"), signature("t.other")] };
    const queues = followSuccess(context, { ...parent, queue: "mail" }, embed, "1").map(({ queue }) => queue);
    expect(queues).toEqual(["mail", "celery"]);
  });

  it("derives the same id each time, and another for each callback", () => {
    const embed = { ...none, callbacks: [signature("t.a"), signature("t.a")] };
    const ids = (): unknown[] => followSuccess(context, parent, embed, "1").map((one) => one.dedupe?.id);
    expect(ids()).toEqual(ids());
    expect(new Set(ids()).size).toBe(2);
  });

  it("calls an error callback with the failed id", () => {
    const sent = read(
      followFailure(context, parent, { ...none, errbacks: [signature("t.err", { args: ["x"] })] }).sends[0],
    );
    expect(sent.call.args).toEqual(["p", "x"]);
  });

  it("opens a chain inside a callback and keeps the steps after it in order", () => {
    const inner = signature("celery.chain", {
      kwargs: { tasks: [signature("t.1"), signature("t.2"), signature("t.3")] },
      subtask_type: "chain",
    });
    const embed = { ...none, chain: [signature("t.outer"), inner] };
    const sent = read(followSuccess(context, parent, embed, "1")[0]);
    expect(sent.headers.task).toBe("t.1");
    expect(sent.embed.chain?.map(({ task }) => task)).toEqual(["t.outer", "t.3", "t.2"]);
  });

  it("sends each member of a group", () => {
    const group = signature("celery.group", {
      kwargs: { tasks: [signature("t.1"), signature("t.2")] },
      subtask_type: "group",
    });
    expect(
      followSuccess(context, parent, { ...none, callbacks: [group] }, "1").map((one) => read(one).headers.task),
    ).toEqual(["t.1", "t.2"]);
  });

  it("sends a countdown for a task that Python runs at once, with its eta, where Python would never see it held", () => {
    const embed = { ...none, callbacks: [signature("py.task", { options: { countdown: 5 } })] };
    const [sent] = followSuccess({ ...context, shared: true }, parent, embed, "1");
    expect(sent?.due).toBeUndefined();
    expect(read(sent).headers.eta).toBe(context.now + 5000);
  });

  it("stamps a step with its own stamps, and names it by its shadow", () => {
    const stamped = { ...parent, stamps: { tenant: "parent's", trace: "t" } };
    const options = { stamped_headers: ["tenant", "missing"], tenant: ["own"], shadow: "shown" };
    const embed = { ...none, callbacks: [signature("t.a", { options }), signature("t.b")] };
    const [first, second] = followSuccess(context, stamped, embed, "1").map((one) => read(one).headers);
    expect(first).toMatchObject({ stamps: { tenant: ["own"], trace: "t" }, shadow: "shown" });
    expect(first?.stampedHeaders.toSorted()).toEqual(["tenant", "trace"]);
    expect(second?.stamps).toEqual(stamped.stamps);
  });

  it("holds back a follow-up with a countdown in the broker", () => {
    const embed = { ...none, callbacks: [signature("t.a", { options: { countdown: 5 } })] };
    expect(followSuccess(context, parent, embed, "1")[0]?.due).toBe(context.now + 5000);
  });

  it("knows what needs a join", () => {
    const group = signature("celery.group", { kwargs: { tasks: [signature("t.1")] } });
    const chord = signature("celery.chord", { kwargs: { header: group, body: signature("t.body") } });
    expect(needsJoin(none)).toBe(false);
    expect(needsJoin({ ...none, chord: signature("t.body") })).toBe(true);
    expect(needsJoin({ ...none, callbacks: [chord] })).toBe(true);
    expect(needsJoin({ ...none, chain: [chord, signature("t.before")] })).toBe(true);
    expect(needsJoin({ ...none, chain: [group] })).toBe(false);
    expect(needsJoin({ ...none, chain: [signature("t.after"), group] })).toBe(true);
  });

  it("names the steps that will never run", () => {
    const chain = [signature("t.c", { options: { task_id: "c" } }), signature("t.b")];
    expect(waitersOf({ ...none, chain }).ids).toEqual(["c"]);
  });
});
