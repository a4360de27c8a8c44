/** The conformance suite of `Replies`: answers reach who asked, at an address that exists before the question goes out. */

import { describe, expect, it } from "vitest";
import type { Replies } from "../../port/replies.ts";
import type { Message } from "../../wire/message.ts";
import { makeMessage, never, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

/** `repliesOf` gives the port of a client that `makeServer` opened. */
export function repliesSuite(
  name: string,
  makeServer: MakeServer,
  repliesOf: (client: OpenClient) => Replies | undefined,
): void {
  const port = (client: OpenClient): Replies => {
    const replies = repliesOf(client);
    if (replies === undefined) throw new Error("this driver has no replies");
    return replies;
  };
  const idOf = (message: Message): string => String(message.properties.correlationId);

  describe(`${name} as a way to answer`, () => {
    const use = useRig(makeServer);

    it("brings answers to their asker and to nobody else, in their order", async () => {
      const rig = use();
      const [asker, other, worker] = await Promise.all([rig.client(), rig.client(), rig.client()]);
      const [mine, yours] = [crypto.randomUUID(), crypto.randomUUID()];
      const heard: string[] = [];
      await port(asker).listen(mine, (message) => void heard.push(`mine ${idOf(message)}`));
      await port(other).listen(yours, (message) => void heard.push(`yours ${idOf(message)}`));
      const batch = ["1", "2", "3"].map((id) => ({ to: mine, message: makeMessage({ id }) }));
      await port(worker).send([...batch, { to: yours, message: makeMessage({ id: "4" }) }], never);
      await rig.until("all to be heard", () => heard.length >= 4);
      expect(heard.filter((word) => word.startsWith("mine"))).toEqual(["mine 1", "mine 2", "mine 3"]);
      expect(heard.filter((word) => word.startsWith("yours"))).toEqual(["yours 4"]);
    });

    it("carries an answer whole", async () => {
      const rig = use();
      const [asker, worker] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const heard: Message[] = [];
      await port(asker).listen(address, (message) => void heard.push(message));
      const body = '{"task_id":"ü","status":"SUCCESS","result":9007199254740993,"traceback":null,"children":[]}';
      await port(worker).send([{ to: address, message: makeMessage({ id: "whole", body }) }], never);
      await rig.until("the answer", () => heard.length > 0);
      expect(Buffer.from(heard[0]?.body ?? []).toString()).toBe(body);
      expect(heard[0]?.properties.correlationId).toBe("whole");
      expect(heard[0]?.contentType).toBe("application/json");
    });

    it("loses what is sent to nobody, without a word", async () => {
      const rig = use();
      const [asker, worker] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      await port(worker).send([{ to: address, message: makeMessage({ id: "early" }) }], never);
      const heard: string[] = [];
      const listening = await port(asker).listen(address, (message) => void heard.push(idOf(message)));
      await port(worker).send([{ to: address, message: makeMessage({ id: "heard" }) }], never);
      await rig.until("the answer", () => heard.includes("heard"));
      await listening.close();
      await listening.close();
      await port(worker).send([{ to: address, message: makeMessage({ id: "late" }) }], never);
      await rig.server.pass(50);
      expect(heard.filter((id) => id !== "early")).toEqual(["heard"]);
    });

    it("brings a thousand at once, and sends what can have no asker to nobody", async () => {
      const rig = use();
      const [asker, worker] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const heard: string[] = [];
      await port(asker).listen(address, (message) => void heard.push(idOf(message)));
      // An address is what a message says, so anybody may say anything.
      const nobody = [crypto.randomUUID(), "unacked", "celeriac:fence", "", "a b", "ü".repeat(100)];
      const ids = Array.from({ length: 1000 }, (_, index) => `r${index}`);
      const answers = ids.map((id) => ({ to: address, message: makeMessage({ id }) }));
      const lost = nobody.map((to) => ({ to, message: makeMessage({ id: "lost" }) }));
      await port(worker).send([...lost, ...answers], never);
      await rig.until("all of them", () => heard.length >= ids.length);
      expect(heard).toEqual(ids);
    });

    it("does not suffer from a listener that throws", async () => {
      const rig = use();
      const [asker, worker] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const heard: string[] = [];
      await port(asker).listen(address, (message) => {
        heard.push(idOf(message));
        throw new Error("a listener's own fault");
      });
      for (const id of ["1", "2"]) await port(worker).send([{ to: address, message: makeMessage({ id }) }], never);
      await rig.until("both to be heard", () => heard.length >= 2);
      expect(heard).toEqual(["1", "2"]);
    });

    it("answers an empty batch with nothing, and sends nothing after its signal has aborted", async () => {
      const rig = use();
      const client = await rig.client();
      const address = crypto.randomUUID();
      const heard: string[] = [];
      await port(client).listen(address, (message) => void heard.push(idOf(message)));
      await port(client).send([], never);
      const late = port(client).send([{ to: address, message: makeMessage({ id: "late" }) }], AbortSignal.abort());
      await expect(late).rejects.toThrow();
      await rig.server.pass(50);
      expect(heard).toEqual([]);
    });

    it("goes on listening after its connection was lost", async ({ skip }) => {
      const rig = use();
      skip(rig.server.loseEvents === undefined, "the harness cannot break a connection");
      const [asker, worker] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const heard: string[] = [];
      await port(asker).listen(address, (message) => void heard.push(idOf(message)));
      await rig.server.loseEvents?.(worker, asker);
      await rig.until("an answer to come through again", async () => {
        await port(worker).send([{ to: address, message: makeMessage({ id: "after" }) }], never);
        return heard.includes("after");
      });
    });
  });
}
