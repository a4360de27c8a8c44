import { beforeEach, describe, expect, it } from "vitest";
import { open } from "../driver/memory/index.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import type { BackendOptions, FullBackend } from "../port/backend.ts";
import type { Broker, Outgoing } from "../port/broker.ts";
import type { Lease, Term } from "../port/lease.ts";
import { makeMessage, never } from "../testing/conformance/rig.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { coreOf, createApp } from "./app.ts";
import type { AppOptions } from "./config.ts";
import { TwoStepLease } from "./two-step-lease.ts";

const tick = 1_700_000_000_000;
const publishTimeout = 1_000;

let clock: VirtualClock;
let messages: FullBackend;
let database: FullBackend;
/** What stands between the lease and its two servers; tests put something in the way. */
let publish: Broker["publish"];
let ticks: Lease;
let lease: TwoStepLease;
let term: Term;
let sent: readonly string[][];

function memory(rest: Partial<BackendOptions> = {}): FullBackend {
  const limits = {
    maxMessageBytes: 1_000_000,
    maxDepth: 2,
    commandTimeout: 1_000,
    allowEviction: false,
    keyPrefix: "",
  };
  return open({ url: new URL("memory:"), clock, ...limits, ...rest }) as FullBackend;
}

function message(id: string, queue = "q"): Outgoing {
  return { queue, message: makeMessage({ id }), dedupe: { id, nonce: id, window: 60_000 } };
}

async function depth(queue = "q"): Promise<number> {
  const states = await messages.broker.queues.list();
  return states.find(({ name }) => name === queue)?.ready?.reduce((sum, { count }) => sum + count, 0) ?? 0;
}

const codeOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => "none",
    (error: CeleriacError) => error.code,
  );

beforeEach(async () => {
  clock = new VirtualClock();
  [messages, database] = [memory(), memory()];
  await messages.open(never);
  await database.open(never);
  sent = [];
  publish = (batch, signal) => {
    sent = [...sent, batch.map(({ message: { headers } }) => String(headers["id"]))];
    return messages.broker.publish(batch, signal);
  };
  ticks = database.lease;
  const between = new Proxy(database.lease, {
    get: (_, key) => {
      const value: unknown = Reflect.get(ticks, key, ticks);
      return typeof value === "function" ? (value.bind(ticks) as unknown) : value;
    },
  });
  const broker = { publish: (...call: Parameters<Broker["publish"]>) => publish(...call) };
  lease = new TwoStepLease(between, broker, { clock, publishTimeout });
  term = (await lease.acquire("beat", "a", 10_000)) as Term;
});

describe("a tick in two steps", () => {
  it("is marked, sent, and marked as sent", async () => {
    expect(await lease.fire(term, "s", tick, [message("one"), message("two")])).toBe("fired");
    expect(await lease.fire(term, "s", tick, [message("one"), message("two")])).toBe("mine-already");
    expect(await lease.fire(term, "s", tick, [message("else")])).toBe("fired-before");
    expect(await lease.fire(term, "s", tick + 1, [])).toBe("fired");
    expect(sent).toEqual([["one", "two"]]);
    expect(await lease.fired("s", 9)).toEqual([
      { tick: tick + 1, id: undefined },
      { tick, id: "one" },
    ]);
    expect(await depth()).toBe(2);
  });

  it("is sent by nobody but the leader", async () => {
    await lease.release(term);
    expect(await lease.fire(term, "s", tick, [message("one")])).toBe("not-leader");
    expect(sent).toEqual([]);
  });

  it("is sent once by two calls at the same moment", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => lease.fire(term, "s", tick, [message("one")])));
    expect(answers).toEqual(["fired", "mine-already", "mine-already"]);
    expect(sent).toEqual([["one"]]);
  });

  it("is sent by the next leader, under the same ids, where the first died between the steps", async () => {
    ticks = Object.assign(Object.create(database.lease) as Lease, {
      begin: database.lease.begin.bind(database.lease),
      done: () => new Promise<never>(() => {}),
    });
    void lease.fire(term, "s", tick, [message("one")]);
    await expect.poll(() => sent.length).toBe(1);
    await clock.advance(10_001);
    const next = new TwoStepLease(database.lease, { publish }, { clock, publishTimeout });
    const second = (await next.acquire("beat", "b", 10_000)) as Term;
    expect(await next.fired("s", 1)).toEqual([]);
    expect(await next.fire(second, "s", tick, [message("one")])).toBe("fired");
    expect(sent).toEqual([["one"], ["one"]]);
    expect(await depth()).toBe(1);
    expect(await next.fire(second, "s", tick, [message("one")])).toBe("mine-already");
  });

  it("is not sent again by who lives, though the store was away after the sending", async () => {
    const failing = Object.assign(Object.create(database.lease) as Lease, {
      begin: database.lease.begin.bind(database.lease),
      done: () => Promise.reject(new Error("away")),
    });
    ticks = failing;
    await expect(lease.fire(term, "s", tick, [message("one")])).rejects.toThrow("away");
    await expect(lease.fire(term, "s", tick, [message("one")])).rejects.toThrow("away");
    ticks = database.lease;
    expect(await lease.fire(term, "s", tick, [message("one")])).toBe("fired");
    expect(await lease.fire(term, "s", tick, [message("one")])).toBe("mine-already");
    expect(sent).toEqual([["one"]]);
  });

  it("has not fired where the broker refused it or a part of it, and is sent once there is room", async () => {
    await messages.broker.publish([message("a"), message("b")], never);
    const group = [message("one", "free"), message("two")];
    expect(await codeOf(lease.fire(term, "s", tick, group))).toBe("QUEUE_FULL");
    expect(await lease.fired("s", 1)).toEqual([]);
    await messages.broker.queues.purge("q", { ready: true, delayed: true });
    expect(await lease.fire(term, "s", tick, group)).toBe("fired");
    expect([await depth("free"), await depth()]).toEqual([1, 1]);
    publish = async () => [{ kind: "refused", reason: "unroutable", detail: "no queue" }];
    expect(await codeOf(lease.fire(term, "s", tick + 1, [message("three")]))).toBe("UNROUTABLE");
    publish = async () => [{ kind: "refused", reason: "too-large", detail: "9 MB" }];
    expect(await codeOf(lease.fire(term, "s", tick + 1, [message("three")]))).toBe("MESSAGE_TOO_LARGE");
  });

  it("has not fired where the broker gives no answer in time, and is sent again", async () => {
    publish = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    const firing = codeOf(lease.fire(term, "s", tick, [message("one")]));
    await clock.advance(publishTimeout);
    expect(await firing).toBe("PUBLISH_UNKNOWN");
    publish = (batch, signal) => messages.broker.publish(batch, signal);
    expect(await lease.fire(term, "s", tick, [message("one")])).toBe("fired");
    expect(clock.pending).toBe(0);
  });
});

describe("where schedules lie", () => {
  const at = async (options: AppOptions) => {
    const app = createApp({ clock, ...options });
    const { lease: found, control } = await coreOf(app).connect();
    await app.close();
    return [
      found instanceof TwoStepLease ? "two steps" : found === undefined ? "none" : "one step",
      control !== undefined,
    ];
  };

  it("is the broker, or what the option names", async () => {
    expect(await at({ broker: "memory:a" })).toEqual(["one step", true]);
    expect(await at({ broker: "memory:a", results: "memory:b" })).toEqual(["one step", true]);
    expect(await at({ broker: "memory:a", results: "rpc://" })).toEqual(["one step", true]);
    expect(await at({ broker: "memory:a", schedules: "memory:a" })).toEqual(["one step", true]);
    expect(await at({ broker: "memory:a", schedules: "memory:c" })).toEqual(["two steps", true]);
    expect(await at({ broker: "memory:a", results: "memory:b", schedules: "memory:c" })).toEqual(["two steps", true]);
  });

  it("is the named database itself: another app finds there what this one wrote", async () => {
    const apps = ["a", "b"].map((name) =>
      createApp({ clock, broker: `memory:two-step-${name}`, schedules: "memory:two-step-shared" }),
    );
    const [one, two] = await Promise.all(apps.map((app) => coreOf(app).connect()));
    await one?.control?.set([{ kind: "k", key: "a", value: "1" }]);
    expect((await two?.control?.changes(0))?.changed).toEqual([{ kind: "k", key: "a", value: "1" }]);
    const [first, second] = [await one?.lease?.acquire("l", "a", 1_000), await two?.lease?.acquire("l", "b", 1_000)];
    expect([first?.holder, second]).toEqual(["a", undefined]);
    await Promise.all(apps.map((app) => app.close()));
  });

  it("is no AMQP server, and says what is", () => {
    for (const schedules of ["amqp://localhost", "amqps://localhost"])
      expect(() => createApp({ broker: "amqp://localhost", schedules })).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining("sqlite:") }) as Error,
      );
    const { schedules, ...rest } = { schedules: "redis://h/1", broker: "amqp://localhost", results: "redis://h/1" };
    expect(coreOf(createApp({ ...rest, schedules })).config.schedules).toBeUndefined();
    expect(coreOf(createApp({ ...rest, schedules: "redis://h/2" })).config.schedules?.href).toBe("redis://h/2");
  });
});
