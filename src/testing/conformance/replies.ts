/** The conformance suite of `Replies`: what is sent to an address reaches whoever listens there, whole, and nobody else. */

import { describe, expect, it } from "vitest";
import type { Replies } from "../../port/replies.ts";
import type { Message } from "../../wire/message.ts";
import { makeMessage, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

const never = new AbortController().signal;
const idOf = (message: Message): string => String(message.properties.correlationId);
const reply = (to: string, id: string, body?: string): Parameters<Replies["send"]>[0][number] => ({
  to,
  message: makeMessage({ id, ...(body !== undefined && { body }) }),
});

export function repliesSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a way for replies`, () => {
    const use = useRig(makeServer);
    const repliesOf = (client: OpenClient): Replies => {
      if (client.replies === undefined) throw new Error(`${name} has no replies of its own`);
      return client.replies;
    };

    it("brings each asker its own replies, whole and in order", async () => {
      const rig = use();
      const [asker, other, sender] = [await rig.client(), await rig.client(), await rig.client()];
      const [mine, theirs] = [crypto.randomUUID(), crypto.randomUUID()];
      const [came, elsewhere]: [Message[], Message[]] = [[], []];
      await repliesOf(asker).listen(mine, (message) => void came.push(message));
      await repliesOf(other).listen(theirs, (message) => void elsewhere.push(message));
      const batch = [reply(mine, "one", '{"ü":9007199254740993}'), reply(theirs, "x"), reply(mine, "two")];
      await repliesOf(sender).send(batch, never);
      await repliesOf(sender).send([reply(mine, "three")], never);
      await rig.until("the replies", () => came.length >= 3 && elsewhere.length > 0);
      expect(came.map(idOf)).toEqual(["one", "two", "three"]);
      expect(elsewhere.map(idOf)).toEqual(["x"]);
      expect(came[0]).toMatchObject({ contentType: "application/json", contentEncoding: "utf-8" });
      expect({ ...came[0]?.headers }).toMatchObject({ ...batch[0]?.message.headers });
      expect(Buffer.from(came[0]?.body ?? []).toString()).toBe('{"ü":9007199254740993}');
    });

    it("brings a thousand at once", async () => {
      const rig = use();
      const [asker, sender] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const came: string[] = [];
      await repliesOf(asker).listen(address, (message) => void came.push(idOf(message)));
      const ids = Array.from({ length: 1000 }, (_, index) => `r${index}`);
      await repliesOf(sender).send(
        ids.map((id) => reply(address, id)),
        never,
      );
      await rig.until("all of them", () => came.length >= ids.length);
      expect(came).toEqual(ids);
    });

    it("sends to addresses that nobody has, and to what can be none", async () => {
      const rig = use();
      const client = await rig.client();
      const address = crypto.randomUUID();
      const came: string[] = [];
      await repliesOf(client).listen(address, (message) => void came.push(idOf(message)));
      const nobody = [crypto.randomUUID(), "unacked", "celeriac:fence", "", "a b", "ü".repeat(300)];
      await repliesOf(client).send(
        [...nobody, address].map((to) => reply(to, "late")),
        never,
      );
      await rig.until("the one that has an asker", () => came.length > 0);
      expect(came).toEqual(["late"]);
    });

    it("says no more to a listener that has closed, and goes on when one throws", async () => {
      const rig = use();
      const [asker, sender] = [await rig.client(), await rig.client()];
      const [closed, thrower] = [crypto.randomUUID(), crypto.randomUUID()];
      const [first, second]: [string[], string[]] = [[], []];
      const closing = await repliesOf(asker).listen(closed, (message) => void first.push(idOf(message)));
      await repliesOf(asker).listen(thrower, (message) => {
        second.push(idOf(message));
        throw new Error("not my day");
      });
      await repliesOf(sender).send([reply(closed, "before")], never);
      await rig.until("the first reply", () => first.length > 0);
      await closing.close();
      await closing.close();
      await repliesOf(sender).send([reply(closed, "after"), reply(thrower, "1"), reply(thrower, "2")], never);
      await rig.until("both", () => second.length >= 2);
      expect(first).toEqual(["before"]);
      expect(second).toEqual(["1", "2"]);
    });

    it("sends nothing under a signal that has aborted", async () => {
      const rig = use();
      const client = await rig.client();
      const address = crypto.randomUUID();
      const came: string[] = [];
      await repliesOf(client).listen(address, (message) => void came.push(idOf(message)));
      const gone = AbortSignal.abort(new Error("enough"));
      await expect(repliesOf(client).send([reply(address, "no")], gone)).rejects.toThrow("enough");
      await repliesOf(client).send([reply(address, "yes")], never);
      await rig.until("the other", () => came.length > 0);
      expect(came).toEqual(["yes"]);
    });

    it("goes on after the server was restarted", async ({ skip }) => {
      const rig = use();
      if (rig.server.restart === undefined) {
        skip("the server cannot be restarted");
        return;
      }
      const [asker, sender] = [await rig.client(), await rig.client()];
      const address = crypto.randomUUID();
      const came = new Set<string>();
      await repliesOf(asker).listen(address, (message) => void came.add(idOf(message)));
      await rig.server.restart();
      // Until the asker is back its address may not exist, and what is sent there may be lost.
      await rig.until("a reply", async () => {
        const id = crypto.randomUUID();
        await repliesOf(sender)
          .send([reply(address, id)], never)
          .catch(() => undefined);
        return came.size > 0;
      });
    });
  });
}
