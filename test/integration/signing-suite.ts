/** Messages that bear signatures, through a whole worker: what is taken, what becomes of the rest, and who is obeyed. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { ask } from "../../src/control/ask.ts";
import {
  type App,
  type AppOptions,
  chain,
  chord,
  createApp,
  type DeadLetter,
  systemClock,
  type WorkerEvent,
  type WorkerHandle,
} from "../../src/index.ts";
import { controlNamespace, makeControlRequest } from "../../src/wire/control.ts";
import type { Message } from "../../src/wire/message.ts";
import { signatureHeader, signMessage } from "../../src/wire/signing.ts";
import { makeTaskMessage, type TaskDraft } from "../../src/wire/task-message.ts";
import type { SuiteBroker } from "./worker-suite.ts";

const secret = (letter: string): string => letter.repeat(32);
const signing = { keys: { one: secret("a"), two: secret("b") }, use: "one", acceptUnsigned: ["open"] } as const;
const soon = { timeout: "60s" } as const;
const patience = { timeout: 60_000 } as const;

export function signingSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`signed messages on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    const others: App[] = [];
    let events: WorkerEvent[];
    let ran: unknown[];

    const make = (options: AppOptions = {}): App =>
      createApp({
        name: "signed",
        broker: broker.url,
        ...(broker.results !== undefined && { results: broker.results }),
        ...options,
      });
    const peer = (options: AppOptions = {}): App => {
      const other = make(options);
      others.push(other);
      return other;
    };
    beforeEach(async () => {
      broker = await makeBroker();
      app = make({ signing });
      events = [];
      ran = [];
      app.task("s.add", { positional: ["a", "b"] }, ({ a, b }: { a: number; b: number }) => {
        ran.push([a, b]);
        return a + b;
      });
    });
    afterEach(async () => {
      await app.close();
      for (const other of others.splice(0)) await other.close();
      await broker.close();
    });

    const work = (): Promise<WorkerHandle> =>
      app.work({
        pool: "inline",
        concurrency: 5,
        lease: "60s",
        queues: ["celery", "open"],
        onEvent: (event) => events.push(event),
      });
    const letters = async (): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 100)).items;
    const plain = (id: string, draft: Partial<TaskDraft> = {}): Message =>
      makeTaskMessage({ task: "s.add", id, args: [1, 2], kwargs: {}, ...draft });
    const keyring = () => {
      const { signing: checked } = coreOf(app).config;
      if (checked === undefined) throw new Error("no keys");
      return checked;
    };
    const signed = (message: Message, queue = "celery"): Message =>
      signMessage(message, { kind: "task", queue }, keyring(), Date.now());
    const tell = async (method: string, named: Readonly<Record<string, unknown>> = {}): Promise<readonly unknown[]> => {
      const { bus } = await coreOf(app).connect();
      const question = { method, arguments: named, timeout: 60_000, limit: 1 };
      return [...(await ask(bus, question, systemClock, AbortSignal.timeout(60_000))).values()];
    };
    const served = async (): Promise<readonly string[]> => {
      const [queues] = (await tell("active_queues")) as readonly (readonly { readonly name: string }[])[];
      return (queues ?? []).map((queue) => queue.name).toSorted();
    };
    /** As somebody does it who reaches the broker and has no key. */
    const put = async (queue: string, ...messages: readonly Message[]): Promise<void> => {
      const { broker: bare } = await coreOf(peer()).connect();
      const batch = messages.map((message) => ({ queue, message }));
      await bare.publish(batch, AbortSignal.timeout(60_000));
    };

    it("run as all others do: later, tried again, in workflows, packed, from a peer with another of the keys", async () => {
      let tries = 0;
      const flaky = app.task("s.flaky", { retry: { limit: 2, delay: "10ms" } }, (_: number) => {
        tries++;
        if (tries < 2) throw new Error("not yet");
        return tries;
      });
      const total = app.task("s.total", (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0));
      const length = app.task("s.length", (text: string) => text.length);
      const double = app.task("s.double", (number: number) => number * 2);
      await work();
      const headers = { when: new Date(0), note: "ü", list: [1, 1.5, null] };
      expect(await (await length.enqueue("abc", { delay: "200ms", headers, priority: 2 })).get(soon)).toBe(3);
      expect(await (await flaky.delay(1)).get(soon)).toBe(2);
      expect(await (await length.enqueue("x".repeat(50_000), { compression: "zlib" })).get(soon)).toBe(50_000);
      expect(await (await app.delay(chain(double.si(2), double.s(), double.s()))).get(soon)).toBe(16);
      expect(await (await app.delay(chord([double.si(1), double.si(2)], total.s()))).get(soon)).toBe(6);
      const newer = peer({ signing: { ...signing, use: "two" } });
      expect(await (await newer.remote<(text: string) => number>("s.length").delay("four")).get(soon)).toBe(4);
      expect(await letters()).toEqual([]);
    });

    it("are all that is run: what is not signed, or was changed, is dead-lettered and told to nobody", async () => {
      const sound = signed(plain("sound"));
      const header = sound.headers[signatureHeader];
      const changed = (id: string, changes: Record<string, unknown>): Message => {
        const message = signed(plain(id));
        return { ...message, headers: { ...message.headers, ...changes } };
      };
      const stranger = peer({ signing: { keys: { one: secret("z") } } });
      const evil = makeTaskMessage({ task: "s.add", id: "callback", args: [6, 6], kwargs: {} });
      await put(
        "celery",
        plain("unsigned"),
        changed("task", { task: "s.other" }),
        changed("expires", { expires: "2199-01-01T00:00:00Z" }),
        changed("borrowed", { [signatureHeader]: header }),
        signed(plain("queue"), "elsewhere"),
        { ...signed(plain("body")), body: evil.body },
        signed(plain("sound")),
      );
      await stranger.remote<(a: number, b: number) => number>("s.add").enqueue([7, 7], { id: "stranger" });
      await work();
      expect(await app.result("sound").get(soon)).toBe(3);
      const expected = ["body", "borrowed", "expires", "queue", "stranger", "task", "unsigned"];
      await expect
        .poll(async () => (await letters()).map(({ id, reason }) => `${String(id)} ${reason}`).toSorted(), patience)
        .toEqual(expected.map((id) => `${id} refused-signature`));
      expect(ran).toEqual([[1, 2]]);
      for (const id of expected) expect(await app.result(id).state(), id).toBe("PENDING");
      const [letter] = await letters();
      expect(JSON.stringify(letter)).not.toContain(secret("a"));
      // Once more, and it is refused once more.
      if (letter !== undefined) await app.dead.redrive([letter.key]);
      await expect.poll(async () => (await letters()).length, patience).toBe(expected.length);
    });

    it("leave a queue open that is named, to calls alone", async () => {
      const link = { task: "s.add", args: [9, 9], kwargs: {}, options: {}, subtask_type: null, immutable: true };
      const with_ = (callbacks: unknown): NonNullable<TaskDraft["embed"]> =>
        ({ callbacks, errbacks: null, chain: null, chord: null }) as NonNullable<TaskDraft["embed"]>;
      await put("open", plain("call"), plain("more", { embed: with_([link]) }));
      await put("open", { ...signed(plain("wrong"), "open"), body: plain("wrong", { args: [5, 5] }).body });
      await work();
      expect(await app.result("call").get(soon)).toBe(3);
      await expect
        .poll(async () => (await letters()).map(({ id }) => String(id)).toSorted(), patience)
        .toEqual(["more", "wrong"]);
      expect(ran).toEqual([[1, 2]]);
    });

    it("are put back where they lay, and not moved to where they were not sent", async () => {
      const sent = await app.remote<(a: number, b: number) => number>("s.add").delay(1, 2);
      await expect(app.queues.requeue("celery", [sent.id], { at: "back", queue: "open" })).rejects.toMatchObject({
        code: "NOT_SUPPORTED",
      });
      await work();
      expect(await sent.get(soon)).toBe(3);
    });

    it("are what workers obey, once each, and nothing that is old", async () => {
      const worker = await work();
      const bare = await coreOf(peer()).connect();
      const channel = { kind: "control", namespace: controlNamespace } as const;
      const shutdown = makeControlRequest({ method: "shutdown", arguments: {}, destination: undefined });
      const pause = makeControlRequest({
        method: "cancel_consumer",
        arguments: { queue: "open" },
        destination: undefined,
      });
      const command = (message: Message, at: number): Message => signMessage(message, channel, keyring(), at);
      await bare.bus.publish(channel, shutdown);
      await bare.bus.publish(channel, command(shutdown, Date.now() - 3_600_000));
      await bare.bus.publish(channel, command(shutdown, Date.now() + 3_600_000));
      await bare.bus.publish(channel, signMessage(shutdown, { kind: "task", queue: "celery" }, keyring(), Date.now()));
      const once = command(pause, Date.now());
      await bare.bus.publish(channel, once);
      await expect.poll(() => served(), patience).toEqual(["celery"]);
      expect(await tell("add_consumer", { queue: "open" })).toEqual([{ ok: "add consumer open" }]);
      await expect.poll(() => served(), patience).toEqual(["celery", "open"]);
      await bare.bus.publish(channel, once);
      // Commands are done in their order, so once a later one is answered the repeat has been seen.
      expect(await served()).toEqual(["celery", "open"]);
      expect(events.filter(({ code }) => code === "CONTROL_REFUSED")).toHaveLength(1);
      expect(events.filter(({ type }) => type === "worker:stopping")).toEqual([]);
      await bare.bus.publish(channel, command(shutdown, Date.now()));
      await worker.closed;
    });
  });
}
