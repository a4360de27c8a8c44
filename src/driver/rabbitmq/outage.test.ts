/** What a server, a network and other programs may do to us: go away, come back, block, delete, refuse, send nonsense. */

import { describe, expect, test } from "vitest";
import { asStranger, makeBackend, openBackend } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { Catch, eventually, idOf, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Outbound } from "./amqp/client.ts";

const never = new AbortController().signal;
const accepted = { kind: "accepted" };

describeWith("rabbitmq-server", "rabbitmq in bad times", () => {
  const stage = useRabbit({ heartbeat: 30 });
  const { backendOf, throughProxy, urlOf, closeLater } = stage;
  const name = (label: string): string => `${label}.${crypto.randomUUID().slice(0, 8)}`;
  const publishOf = (queue: string, rest: Partial<Outbound> = {}): Outbound => ({
    exchange: "",
    routingKey: queue,
    mandatory: true,
    properties: {},
    body: new Uint8Array(),
    ...rest,
  });

  describe("a broken line", () => {
    test("takes held messages away, and the consumer goes on by itself", async () => {
      const { backend, proxy } = await throughProxy();
      const queue = name("line");
      await backend.broker.publish([outgoing(queue, "a")], never);
      const caught = await Catch.open(backend, queue, 5);
      const [first] = await caught.until(1);
      const heard: string[] = [];
      caught.consumer.on("disconnected", () => void heard.push("disconnected"));
      caught.consumer.on("connected", () => void heard.push("connected"));
      proxy.cut();
      const [, again] = await caught.until(2);
      expect(heard).toEqual(["disconnected", "connected"]);
      expect(first?.lost.reason).toMatchObject({ code: "LEASE_LOST" });
      expect([again && idOf(again), again?.redelivered]).toEqual(["a", true]);
      if (first === undefined || again === undefined) throw new Error("two came");
      expect(await caught.consumer.settle([{ delivery: first, then: { kind: "ack" } }])).toEqual([{ kind: "lost" }]);
      expect(await caught.consumer.settle([{ delivery: again, then: { kind: "ack" } }])).toEqual([{ kind: "settled" }]);
    });

    test("leaves a run alone whose commits a ledger fences, and its message to another", async () => {
      const { backend, proxy } = await throughProxy();
      const queue = name("fenced");
      await backend.broker.publish([outgoing(queue, "a")], never);
      const caught = await Catch.open(backend, queue, 5, { fenced: true });
      const [first] = await caught.until(1);
      if (first === undefined) throw new Error("one came");
      caught.consumer.started([first], "suspect");
      proxy.cut();
      await caught.until(2);
      expect(first.lost.aborted).toBe(false);
      const follow = [outgoing(queue, "follow")];
      const answers = await caught.consumer.settle([{ delivery: first, then: { kind: "ack" }, follow }]);
      expect(answers).toEqual([{ kind: "lost" }]);
    });

    test("does not touch what a ledger keeps: it is acknowledged, and settled once more", async () => {
      const { backend, proxy } = await throughProxy();
      const queue = name("custody");
      await backend.broker.publish([outgoing(queue, "a")], never);
      const caught = await Catch.open(backend, queue, 5, { fenced: true });
      const [first] = await caught.until(1);
      if (first === undefined) throw new Error("one came");
      await caught.consumer.detach?.([first]);
      await eventually("the acknowledgement to arrive", async () => {
        const counts = await stage.rabbit.ctl("list_queues", "name", "messages");
        return counts.includes(`${queue}\t0`);
      });
      proxy.cut();
      const follow = [outgoing(queue, "b")];
      const answers = await caught.consumer.settle([{ delivery: first, then: { kind: "ack" }, follow }]);
      expect(answers).toEqual([{ kind: "settled" }]);
      expect((await caught.until(2)).map(idOf)).toEqual(["a", "b"]);
      expect(first.lost.aborted).toBe(false);
    });

    test("does not lose what is being published", async () => {
      const { backend, proxy } = await throughProxy();
      const queue = name("sending");
      const sent: Promise<unknown>[] = [];
      for (let n = 0; n < 300; n += 1) {
        sent.push(backend.broker.publish([outgoing(queue, `m${n}`)], never));
        if (n === 100 || n === 200) proxy.cut();
        if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await Promise.all(sent)).toEqual(sent.map(() => [accepted]));
      const caught = await Catch.open(await backendOf(), queue, 600);
      await eventually("all of them", () => new Set(caught.all.map(idOf)).size === 300);
    });
  });

  test("a server with an alarm refuses new work at once, loses nothing, and what ends tasks goes on or waits for it", async () => {
    const backend = await backendOf();
    const queue = name("blocked");
    await backend.broker.publish([outgoing(queue, "a"), outgoing(queue, "again")], never);
    const caught = await Catch.open(backend, queue, 5);
    const [held, retried] = await caught.until(2);
    if (held === undefined || retried === undefined) throw new Error("two came");
    await stage.rabbit.ctl("set_vm_memory_high_watermark", "0");
    try {
      // The first is written before the server says that it takes none.
      const unclear = backend.broker.publish([outgoing(queue, "b")], AbortSignal.timeout(5000));
      await expect(unclear).rejects.toMatchObject({ code: "PUBLISH_UNKNOWN" });
      // It has said so: nothing that came later is written, or waits.
      const late = await backend.broker.publish([outgoing(queue, "c")], never);
      expect(late).toMatchObject([
        { kind: "refused", reason: "full", detail: expect.stringContaining("takes no messages just now") },
      ]);
      expect(await caught.consumer.settle([{ delivery: held, then: { kind: "ack" } }])).toEqual([{ kind: "settled" }]);
      expect((await backend.broker.queues.list()).find((state) => state.name === queue)?.ready).toBeDefined();
      const next = outgoing(queue, idOf(retried));
      const retrying = caught.consumer.settle([{ delivery: retried, then: { kind: "replace", next } }]);
      await stage.rabbit.ctl("set_vm_memory_high_watermark", "0.4");
      expect(await retrying).toEqual([{ kind: "settled" }]);
      expect(await backend.broker.publish([outgoing(queue, "d")], never)).toEqual([accepted]);
      expect((await caught.until(5)).map(idOf)).toEqual(["a", "again", "b", "again", "d"]);
    } finally {
      await stage.rabbit.ctl("set_vm_memory_high_watermark", "0.4");
    }
  });

  test("a policy that comes and goes under a running worker is obeyed, and holds nothing up", async () => {
    const backend = await backendOf();
    const queue = name("policy");
    const taken: string[] = [];
    let count = 0;
    const publish = async (): Promise<string> => {
      const id = `p${String(count++)}`;
      const [answer] = await backend.broker.publish([outgoing(queue, id)], never);
      if (answer?.kind === "accepted") taken.push(id);
      return answer?.kind ?? "";
    };
    await publish();
    const caught = await Catch.open(backend, queue, 1);
    await caught.until(1);
    const limit = '{"max-length":1,"overflow":"reject-publish"}';
    await stage.rabbit.ctl("set_policy", "small", "^policy\\.", limit, "--apply-to", "queues");
    try {
      await eventually("the limit to be known", async () => (await publish()) === "refused");
    } finally {
      await stage.rabbit.ctl("clear_policy", "small");
    }
    await eventually("the limit to be gone", async () => (await publish()) === "accepted");
    caught.consumer.want(50, 50);
    const all = await caught.until(taken.length);
    expect(all.map(idOf)).toEqual(taken);
    const ends = await caught.consumer.settle(all.map((delivery) => ({ delivery, then: { kind: "ack" } })));
    expect(ends).toEqual(all.map(() => ({ kind: "settled" })));
  });

  test("a queue that is deleted is declared again, by who consumes and by who publishes", async () => {
    const [worker, producer] = [await backendOf(), await backendOf()];
    const queue = name("deleted");
    const caught = await Catch.open(worker, queue, 5);
    await producer.broker.publish([outgoing(queue, "a")], never);
    await caught.until(1);
    await asStranger(stage.rabbit, (channel) => channel.deleteQueue(queue));
    expect(await producer.broker.publish([outgoing(queue, "b")], never)).toEqual([accepted]);
    expect((await caught.until(2)).map(idOf)).toEqual(["a", "b"]);
  });

  test("a queue with other arguments is used as it is, and the difference is told at the start", async () => {
    const queue = name("drift");
    await asStranger(stage.rabbit, (channel) =>
      channel.declareQueue(queue, { durable: true, arguments: { "x-max-length": 2, "x-overflow": "reject-publish" } }),
    );
    const backend = makeBackend(urlOf(stage.rabbit.port), { knownQueues: () => [queue, name("absent")] });
    closeLater(backend);
    const warnings = await backend.open(never);
    const drifts = warnings.filter((warning) => warning.code === "QUEUE_MISMATCH");
    expect(drifts).toHaveLength(1);
    expect(drifts[0]?.text).toMatch(/queue drift\..*\({}\).*x-max-length.*'2'/);
    const batch = ["a", "b", "c"].map((id) => outgoing(queue, id));
    expect(await backend.broker.publish(batch, never)).toMatchObject([
      accepted,
      accepted,
      { kind: "refused", reason: "full", detail: expect.stringContaining(queue) },
    ]);
    const caught = await Catch.open(backend, queue, 5);
    expect((await caught.until(2)).map(idOf)).toEqual(["a", "b"]);
  });

  test("a user that may not declare uses what is there, and is told what it lacks where nothing is", async () => {
    await stage.rabbit.ctl("add_user", "meek", "hunter2");
    await stage.rabbit.ctl("set_permissions", "meek", "^celeriac[.]", ".*", ".*");
    const queue = name("meek");
    await asStranger(stage.rabbit, (channel) => channel.declareQueue(queue, { durable: true }));
    const backend = await openBackend(`amqp://meek:hunter2@127.0.0.1:${stage.rabbit.port}//`);
    closeLater(backend);
    expect(await backend.broker.publish([outgoing(queue, "a")], never)).toEqual([accepted]);
    const refused = backend.broker.publish([outgoing(name("nowhere"), "a")], never);
    await expect(refused).rejects.toMatchObject({ code: "BACKEND_REFUSED", message: expect.stringMatching("rights") });
    const delayed = backend.broker.publish([outgoing(queue, "a", { due: Date.now() + 5000 })], never);
    await expect(delayed).rejects.toMatchObject({ code: "DELAY_NOT_SUPPORTED" });
  });

  test.each([
    ["a wrong password", "amqp://guest:hunter2@HOST//", "BACKEND_REFUSED", "refused the login"],
    ["a vhost that does not exist", "amqp://guest:guest@HOST/nowhere", "BACKEND_REFUSED", "add_vhost"],
    ["no server", "amqp://guest:hunter2@127.0.0.1:1//", "BACKEND_UNREACHABLE", "can't be reached"],
  ])("%s is told with its remedy and without the password", async (_, text, code, why) => {
    const backend = makeBackend(text.replace("HOST", `127.0.0.1:${stage.rabbit.port}`));
    const failure = backend.open(never);
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(why) });
    await expect(failure).rejects.toMatchObject({ message: expect.not.stringContaining("hunter2") });
    await backend.close();
  });

  test("whatever a stranger sends is a delivery: 64-bit integers, times, bytes, headers alone, nothing at all", async () => {
    const backend = await backendOf();
    const queue = name("stranger");
    const headers = {
      task: "test.task",
      id: "odd",
      big: 9_007_199_254_740_993n,
      at: new Date(1_700_000_000_000),
      bytes: new Uint8Array([0, 255]),
      nested: { list: [1, "two", null, { three: 3.5 }] },
    };
    const json = { contentType: "application/json", contentEncoding: "utf-8" };
    await asStranger(stage.rabbit, async (channel) => {
      await channel.declareQueue(queue, { durable: true });
      const body = new TextEncoder().encode("[[],{},{}]");
      await channel.publish(publishOf(queue, { properties: { ...json, headers }, body }));
      await channel.publish(publishOf(queue, { properties: { headers: { task: "t", id: "no type" } }, body }));
      await channel.publish(publishOf(queue, { properties: json, body }));
      await channel.publish(publishOf(queue));
    });
    const caught = await Catch.open(backend, queue, 10);
    const [odd, ...rest] = await caught.until(4);
    if (odd === undefined || "malformed" in odd.message) throw new Error("the first can be read");
    expect({ ...odd.message.headers }).toMatchObject({
      big: 9_007_199_254_740_993n,
      at: "2023-11-14T22:13:20.000Z",
      bytes: "AP8=",
    });
    expect(new TextDecoder().decode(odd.raw)).toContain('"big":9007199254740993');
    expect(rest.map(({ message }) => "malformed" in message)).toEqual([true, true, true]);
    const put = await caught.consumer.settle([{ delivery: odd, then: { kind: "requeue", at: "back", crashes: 1 } }]);
    expect(put).toEqual([{ kind: "settled" }]);
    const again = (await caught.until(5))[4];
    expect(again?.crashes).toBe(1);
    const reply = await caught.consumer.settle(
      [...rest, ...(again ? [again] : [])].map((delivery) => ({ delivery, then: { kind: "ack" } as const })),
    );
    expect(reply.map(({ kind }) => kind)).toEqual(["settled", "settled", "settled", "settled"]);
  });

  test.each(["classic", "quorum"])("what is delayed comes to its %s queue and to no other", async (type) => {
    const backend = await backendOf(`&queueType=${type}`);
    const other = name("mail").replace(".", "-");
    const queue = `fast.${other}`;
    const caught = await Catch.open(backend, queue, 5);
    const wrong = await Catch.open(backend, other, 5);
    const now = Date.now();
    // The other has its own way out of the levels, which must not take what ends in its name.
    await backend.broker.publish([outgoing(other, "own", { due: now + 1000 })], never);
    await backend.broker.publish([outgoing(queue, "later", { due: now + 1500 })], never);
    const [later] = await caught.until(1);
    expect(later && idOf(later)).toBe("later");
    expect((later?.claimedAt ?? 0) - now).toBeGreaterThanOrEqual(1500);
    expect(later?.redelivered).toBe(false);
    if (later === undefined || "malformed" in later.message) throw new Error("it can be read");
    expect(Object.keys(later.message.headers).filter((header) => header.startsWith("x-"))).toEqual([]);
    await wrong.until(1);
    expect(wrong.all.map(idOf)).toEqual(["own"]);
  });
});
