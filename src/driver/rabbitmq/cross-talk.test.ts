/** Whose answer is whose, on a bad line to a real server: each question has an answer of its own, and none gets another's. */

import { expect, test } from "vitest";
import { asStranger, makeBackend } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { Catch, eventually, idOf, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";

const never = new AbortController().signal;
const counted = 8;
const rounds = 8;

describeWith("rabbitmq-server", "rabbitmq on a bad line", () => {
  const stage = useRabbit({ heartbeat: 30 });
  const mark = crypto.randomUUID().slice(0, 8);
  const [open, full] = [`open.${mark}`, `full.${mark}`];
  /** Queue number n has n messages. */
  const queues = Array.from({ length: counted }, (_, index) => `counted-${String(index + 1)}.${mark}`);

  test("never gives one call the answer of another after time-outs, half-open lines and cuts", async () => {
    const direct = await stage.backendOf();
    for (const [index, queue] of queues.entries())
      await direct.broker.publish(
        Array.from({ length: index + 1 }, (_, no) => outgoing(queue, `c${String(no)}`)),
        never,
      );
    const limits = { "x-max-length": 1, "x-overflow": "reject-publish" };
    await asStranger(stage.rabbit, (channel) => channel.declareQueue(full, { durable: true, arguments: limits }));
    await direct.broker.publish([outgoing(full, "first")], never);

    const { proxy } = await stage.throughProxy();
    const backend = makeBackend(stage.urlOf(proxy.port), { commandTimeout: 1_500, knownQueues: () => queues });
    stage.closeLater(backend);
    await backend.open(never);

    const right = queues.map((queue, index) => [queue, index + 1]);
    const accepted: string[] = [];
    const outcomes = { told: 0, silent: 0 };
    const ask = async (round: number): Promise<void> => {
      const lists = Array.from({ length: 5 }, async () => {
        const states = await backend.broker.queues.list();
        // What else this process has used is listed too.
        return states.filter(({ name }) => queues.includes(name)).map(({ name, ready }) => [name, ready[0]?.count]);
      });
      const sent = Array.from({ length: 20 }, async (_, no) => {
        const [queue, id] = [no % 2 === 0 ? open : full, `r${String(round)}-${String(no)}`];
        const [answer] = await backend.broker.publish([outgoing(queue, id)], AbortSignal.timeout(2_500));
        if (answer?.kind === "accepted" && queue === open) accepted.push(id);
        return { queue, answer };
      });
      const listed = await Promise.allSettled(lists);
      const published = await Promise.allSettled(sent);
      outcomes.silent += [...listed, ...published].filter(({ status }) => status === "rejected").length;
      const lines = listed.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      expect(lines).toEqual(lines.map(() => right));
      const told = published.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      expect(told.map(({ queue, answer }) => [queue, answer?.kind])).toEqual(
        told.map(({ queue }) => [queue, queue === open ? "accepted" : "refused"]),
      );
      outcomes.told += lines.length + told.length;
    };
    for (let round = 0; round < rounds; round++) {
      proxy.latency(round % 2 === 0 ? 1_000 : 0);
      proxy.halfOpen(round % 4 === 1);
      const asking = ask(round);
      if (round % 4 === 3) proxy.cut();
      await asking;
    }
    proxy.latency(0);
    proxy.halfOpen(false);
    await eventually("the line to be good again", async () => {
      const before = outcomes.silent;
      await ask(outcomes.told + rounds);
      return outcomes.silent === before;
    });
    expect(outcomes.silent, "the line was bad").toBeGreaterThan(0);
    const caught = await Catch.open(direct, open, 1_000);
    await eventually("all that was accepted", () => accepted.every((id) => caught.all.map(idOf).includes(id)));
  });
});
