import { afterEach, describe, expect, it } from "vitest";
import { CeleriacError } from "../error/celeriac-error.ts";
import { open } from "../driver/memory/index.ts";
import type { Backend } from "../port/backend.ts";
import type { Broker, Outgoing, Published } from "../port/broker.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { Sender } from "./sender.ts";

type Publish = Broker["publish"];

const opened: Backend[] = [];
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close();
});

let made = 0;
/** A sender on a real memory broker, whose `publish` a test may get between. */
async function sender(between?: (publish: Publish, turn: number) => Publish) {
  const clock = new VirtualClock();
  const backend = open({
    url: new URL(`memory:sender-${++made}`),
    clock,
    maxMessageBytes: 1_000_000,
    maxDepth: 0,
    commandTimeout: 1_000,
    allowEviction: false,
    keyPrefix: "",
  });
  await backend.open(new AbortController().signal);
  opened.push(backend);
  const publish: Publish = backend.broker.publish.bind(backend.broker);
  const batches: (readonly Outgoing[])[] = [];
  backend.broker.publish = (batch, signal) => {
    batches.push(batch);
    return (between?.(publish, batches.length) ?? publish)(batch, signal);
  };
  return {
    clock,
    backend,
    batches,
    sender: new Sender(
      clock,
      async () => backend,
      async () => {},
    ),
  };
}

const message = (id: string): Outgoing => ({
  queue: "q",
  message: makeTaskMessage({ task: "t", id, args: [], kwargs: {} }),
  dedupe: { id, nonce: id, window: 60_000 },
});
const wait = { timeout: 5_000, signal: undefined };
const never: Publish = () => new Promise<readonly Published[]>(() => {});

/** What a promise came to, without leaving a rejection unhandled. */
function settle(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof CeleriacError ? error.code : error),
  );
}

describe("a sender", () => {
  it("keeps together what one turn sends, and apart what it may not split", async () => {
    const { sender: sends, batches } = await sender();
    const many = Array.from({ length: 900 }, (_, n) => message(`m${n}`));
    await Promise.all([
      sends.submit(many, wait),
      sends.submit([message("a")], wait),
      sends.submit(many.slice(0, 200), wait),
    ]);
    expect(batches.map((batch) => batch.length)).toEqual([900, 201]);
  });

  it("gives each call its own answers", async () => {
    const { sender: sends } = await sender();
    await sends.submit([message("a")], wait);
    const [first, second] = await Promise.all([
      sends.submit([message("b"), { ...message("a"), dedupe: { id: "a", nonce: "other", window: 60_000 } }], wait),
      sends.submit([message("c")], wait),
    ]);
    expect(first).toEqual([{ kind: "accepted" }, { kind: "duplicate" }]);
    expect(second).toEqual([{ kind: "accepted" }]);
  });

  it("gives a message that goes without a promise its own answer among those of others", async () => {
    const { sender: sends, batches } = await sender();
    const answers: unknown[] = [];
    const told = Promise.withResolvers<void>();
    const before = sends.submit([message("a"), message("b")], wait);
    sends.submitOne(
      { ...message("a"), dedupe: { id: "a", nonce: "other", window: 60_000 } },
      5_000,
      (published) => {
        answers.push(published);
        told.resolve();
      },
      told.reject,
    );
    const after = sends.submit([message("c")], wait);
    await Promise.all([before, told.promise, after]);
    expect(answers).toEqual([{ kind: "duplicate" }]);
    expect(await after).toEqual([{ kind: "accepted" }]);
    expect(batches.map((batch) => batch.length)).toEqual([4]);
  });

  it("repeats an unclear answer with the same nonces, so nothing is sent twice", async () => {
    // The first publish happens, but its answer is lost.
    const {
      sender: sends,
      clock,
      backend,
      batches,
    } = await sender((publish, turn) => async (batch, signal) => {
      const answer = await publish(batch, signal);
      if (turn === 1) throw new CeleriacError("PUBLISH_UNKNOWN", "the line dropped");
      return answer;
    });
    const sent = sends.submit([message("a")], wait);
    await clock.advance(1_000);
    expect(await sent).toEqual([{ kind: "accepted" }]);
    expect(batches).toHaveLength(2);
    expect(batches[1]?.[0]?.dedupe).toEqual(batches[0]?.[0]?.dedupe);
    expect((await backend.broker.queues.list())[0]?.ready).toMatchObject([{ count: 1 }]);
  });

  it("says PUBLISH_UNKNOWN at the deadline when the broker may have it, also of a driver that ignores its signal", async () => {
    const { sender: sends, clock } = await sender(() => never);
    const sent = sends.submit([message("a")], wait);
    const caught = sent.catch((error: unknown) => error);
    await clock.advance(4_999);
    const early = await Promise.race([caught, Promise.resolve("waiting")]);
    expect(early).toBe("waiting");
    await clock.advance(1);
    expect(await caught).toMatchObject({ code: "PUBLISH_UNKNOWN", details: { ids: ["a"], timeout: 5_000 } });
  });

  it("says BACKEND_UNREACHABLE at the deadline when nothing can have been sent", async () => {
    const clock = new VirtualClock();
    const hanging = new Sender(
      clock,
      () => new Promise<Backend>(() => {}),
      async () => {},
    );
    const sent = settle(hanging.submit([message("a")], wait));
    await clock.advance(5_000);
    expect(await sent).toBe("BACKEND_UNREACHABLE");

    let tries = 0;
    const refused = new Sender(clock, () =>
      Promise.reject(new CeleriacError("BACKEND_UNREACHABLE", `refused ${++tries}`)),
    );
    const again = refused.submit([message("a")], wait).catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(await again).toMatchObject({ code: "BACKEND_UNREACHABLE", cause: { message: `refused ${tries}` } });
    expect(tries).toBeGreaterThan(5);
  });

  it("believes a driver that says it never sent", async () => {
    const { sender: sends, clock } = await sender(
      () => () => Promise.reject(new CeleriacError("BACKEND_UNREACHABLE", "no connection")),
    );
    const sent = settle(sends.submit([message("a")], wait));
    await clock.advance(5_000);
    expect(await sent).toBe("BACKEND_UNREACHABLE");
  });

  it("gives an answer that no repeat can change at once", async () => {
    const { sender: sends, batches } = await sender(
      () => () => Promise.reject(new CeleriacError("DATABASE_FULL", "disk")),
    );
    expect(await settle(sends.submit([message("a")], wait))).toBe("DATABASE_FULL");
    expect(batches).toHaveLength(1);
  });

  it("does not call an answer clear when an earlier try was not", async () => {
    const { sender: sends, clock } = await sender(
      (_publish, turn) => () =>
        Promise.reject(turn === 1 ? new Error("the line dropped") : new CeleriacError("BACKEND_CLOSED", "closed")),
    );
    const sent = settle(sends.submit([message("a")], wait));
    await clock.advance(1_000);
    expect(await sent).toBe("PUBLISH_UNKNOWN");
  });

  it("lets each call have its own patience", async () => {
    const { sender: sends, clock } = await sender(() => never);
    const short = settle(sends.submit([message("a")], { timeout: 100, signal: undefined }));
    const long = settle(sends.submit([message("b")], wait));
    await clock.advance(100);
    expect(await short).toBe("PUBLISH_UNKNOWN");
    expect(await Promise.race([long, Promise.resolve("waiting")])).toBe("waiting");
    await clock.advance(4_900);
    expect(await long).toBe("PUBLISH_UNKNOWN");
  });

  it("does not send what was given up in its own turn, and gives up with the signal's reason", async () => {
    const { sender: sends, batches } = await sender();
    const over = new AbortController();
    const reason = new Error("the request went away");
    const gone = settle(sends.submit([message("a")], { timeout: 5_000, signal: over.signal }));
    over.abort(reason);
    const kept = sends.submit([message("b")], wait);
    expect(await gone).toBe(reason);
    await kept;
    expect(batches.flat().map((each) => each.dedupe?.id)).toEqual(["b"]);
    expect(await settle(sends.submit([message("c")], { timeout: 1, signal: over.signal }))).toBe(reason);
  });

  it("stops sending when the last caller has left, so that closing need not wait for a deadline", async () => {
    const { sender: sends } = await sender(() => never);
    const [one, two] = [new AbortController(), new AbortController()];
    const calls = [one, two].map(({ signal }) =>
      settle(sends.submit([message(crypto.randomUUID())], { timeout: 3_600_000, signal })),
    );
    await new Promise((resolve) => setImmediate(resolve));
    one.abort("gone");
    let drained = false;
    const draining = sends.drain().then(() => (drained = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    two.abort("gone too");
    await draining;
    expect(await Promise.all(calls)).toEqual(["gone", "gone too"]);
  });

  it("drains", async () => {
    const { sender: sends, batches } = await sender();
    const sent = sends.submit([message("a")], wait);
    await sends.drain();
    expect(batches).toHaveLength(1);
    expect(await sent).toEqual([{ kind: "accepted" }]);
  });
});
