/** The conformance suite of `Bus`: broadcast by pattern, private inboxes, and a word about what was missed. */

import { describe, expect, it } from "vitest";
import type { Channel } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";
import { makeMessage, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const event = (type: string): Channel => ({ kind: "event", type });
const idOf = (message: Message): string => String(message.headers["id"]);
const unheard = (missed: number | undefined): void => expect(missed, "nothing should be missed").toBeNull();

export function busSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a bus`, () => {
    const use = useRig(makeServer);

    it("brings events to listeners by exact name and by pattern", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const heard: Record<string, string[]> = { exact: [], all: [], tasks: [] };
      const listen = (key: string, type: string) =>
        other.bus.listen(
          event(type),
          (channel, message) =>
            void heard[key]?.push(`${channel.kind === "event" ? channel.type : "?"} ${idOf(message)}`),
          unheard,
        );
      await listen("exact", "task.multi");
      await listen("all", "#");
      await listen("tasks", "task.#");
      await client.bus.publish(event("task.multi"), makeMessage({ id: "1" }));
      await client.bus.publish(event("worker.heartbeat"), makeMessage({ id: "2" }));
      await other.bus.publish(event("task.sent"), makeMessage({ id: "3" }));
      await rig.until("all to be heard", () => (heard["all"]?.length ?? 0) >= 3);
      await rig.server.pass(50);
      expect(heard["exact"]).toEqual(["task.multi 1"]);
      expect(heard["all"]?.toSorted()).toEqual(["task.multi 1", "task.sent 3", "worker.heartbeat 2"]);
      expect(heard["tasks"]?.toSorted()).toEqual(["task.multi 1", "task.sent 3"]);
    });

    it("carries a message whole", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("whole");
      const heard: Message[] = [];
      await other.bus.listen(event(type), (_, message) => void heard.push(message), unheard);
      const sent = makeMessage({ id: "whole", body: '[{"ü":9007199254740993}]' });
      await client.bus.publish(event(type), sent);
      await rig.until("the event", () => heard.length > 0);
      expect(Buffer.from(heard[0]?.body ?? []).toString()).toBe('[{"ü":9007199254740993}]');
      expect({ ...heard[0]?.headers }).toMatchObject({ ...sent.headers });
    });

    it("is done with the body once it has published it", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("again");
      const heard: string[] = [];
      await other.bus.listen(event(type), (_, { body }) => void heard.push(Buffer.from(body).toString()), unheard);
      await client.bus.listen(event(type), (_, { body }) => void heard.push(Buffer.from(body).toString()), unheard);
      const body = Buffer.from("1");
      await client.bus.publish(event(type), { ...makeMessage({ id: "again" }), body });
      body.write("2");
      await client.bus.publish(event(type), { ...makeMessage({ id: "again" }), body });
      await rig.until("both events", () => heard.length >= 4);
      expect(heard.toSorted()).toEqual(["1", "1", "2", "2"]);
    });

    it("brings control messages to every node of a namespace and to no other", async () => {
      const rig = use();
      const [one, two, sender] = await Promise.all([rig.client(), rig.client(), rig.client()]);
      const [namespace, elsewhere] = [rig.name("ns"), rig.name("ns")];
      const heard: string[] = [];
      await one.bus.listen(
        { kind: "control", namespace },
        (_, message) => void heard.push(`one ${idOf(message)}`),
        unheard,
      );
      await two.bus.listen(
        { kind: "control", namespace },
        (_, message) => void heard.push(`two ${idOf(message)}`),
        unheard,
      );
      await two.bus.listen(
        { kind: "control", namespace: elsewhere },
        (_, message) => void heard.push(`else ${idOf(message)}`),
        unheard,
      );
      await sender.bus.publish({ kind: "control", namespace }, makeMessage({ id: "ping" }));
      await rig.until("both to hear", () => heard.length >= 2);
      await rig.server.pass(50);
      expect(heard.toSorted()).toEqual(["one ping", "two ping"]);
    });

    it("brings replies to one inbox", async () => {
      const rig = use();
      const [asker, answerer] = [await rig.client(), await rig.client()];
      const heard: string[] = [];
      const inbox = await asker.bus.inbox((message) => void heard.push(`mine ${idOf(message)}`));
      const other = await asker.bus.inbox((message) => void heard.push(`other ${idOf(message)}`));
      expect(inbox.to).not.toBe(other.to);
      await answerer.bus.publish({ kind: "reply", to: inbox.to }, makeMessage({ id: "pong" }));
      await answerer.bus.publish({ kind: "reply", to: other.to }, makeMessage({ id: "pang" }));
      await rig.until("both answers", () => heard.length >= 2);
      expect(heard.toSorted()).toEqual(["mine pong", "other pang"]);
      await inbox.close();
      await inbox.close();
      await answerer.bus.publish({ kind: "reply", to: inbox.to }, makeMessage({ id: "late" }));
      await rig.server.pass(50);
      expect(heard).toHaveLength(2);
    });

    it("is silent after a subscription closes", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("closed");
      const heard: string[] = [];
      const first = await other.bus.listen(
        event(type),
        (_, message) => void heard.push(`first ${idOf(message)}`),
        unheard,
      );
      await other.bus.listen(event(type), (_, message) => void heard.push(`second ${idOf(message)}`), unheard);
      await first.close();
      await client.bus.publish(event(type), makeMessage({ id: "1" }));
      await rig.until("the second to hear", () => heard.length >= 1);
      await rig.server.pass(50);
      expect(heard).toEqual(["second 1"]);
    });

    it("does not suffer from a listener that throws", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("throws");
      const heard: string[] = [];
      const broken = (): void => {
        throw new Error("a listener's own fault");
      };
      await other.bus.listen(event(type), broken, unheard);
      await other.bus.listen(event(type), (_, message) => void heard.push(idOf(message)), unheard);
      await client.bus.publish(event(type), makeMessage({ id: "1" }));
      await client.bus.publish(event(type), makeMessage({ id: "2" }));
      await rig.until("the other to hear", () => heard.length >= 2);
      expect(heard).toEqual(["1", "2"]);
    });

    it("knows whether anybody listens, by pattern too, within five seconds", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("audience");
      expect([false, "unknown"]).toContain(client.bus.audience(event(type)));
      const listening = await other.bus.listen(event("#"), () => {}, unheard);
      await rig.until("the audience to be seen", () => client.bus.audience(event(type)) !== false, 6_000);
      await listening.close();
      await rig.until("its leaving to be seen", () => client.bus.audience(event(type)) !== true, 6_000);
      const nobodyHears = async (): Promise<boolean> => {
        await client.bus.publish(event(type), makeMessage({ id: "unheard" }));
        return client.bus.audience(event(type)) === false;
      };
      await rig.until("what nobody hears to be known as that", nobodyHears, 6_000);
    });

    it("forgets that nobody listened when it listens itself, and when something else is heard", async ({ skip }) => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      skip(client.bus.unheard === undefined, "it always knows, or asks each time");
      const [type, more] = [rig.name("told.one"), rig.name("told.other")];
      const nobodyHears = async (): Promise<boolean> => {
        await client.bus.publish(event(type), makeMessage({ id: "1" }));
        return client.bus.audience(event(type)) === false;
      };
      await rig.until("nobody to hear it", nobodyHears);
      const own = await client.bus.listen(event("#"), () => {}, unheard);
      expect(client.bus.audience(event(type))).not.toBe(false);
      await own.close();
      await rig.until("nobody to hear it again", nobodyHears);
      await other.bus.listen(event("#"), () => {}, unheard);
      await client.bus.publish(event(more), makeMessage({ id: "2" }));
      expect(client.bus.audience(event(type))).not.toBe(false);
    });

    it("knows of what nobody heard for as long as nothing else is published there", async ({ skip }) => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      skip(client.bus.unheard === undefined, "it is not told, or need not know");
      const type = rig.name("heard");
      expect(client.bus.unheard?.(event(type))).toBe(false);
      await client.bus.publish(event(type), makeMessage({ id: "1" }));
      expect(client.bus.unheard?.(event(type))).toBe(true);
      await other.bus.listen(event("#"), () => {}, unheard);
      await client.bus.publish(event(type), makeMessage({ id: "2" }));
      expect(client.bus.unheard?.(event(type))).toBe(false);
    });

    it("says that it missed something, and goes on", async ({ skip }) => {
      const rig = use();
      skip(rig.server.loseEvents === undefined, "the harness cannot lose events");
      const [client, other] = [await rig.client(), await rig.client()];
      const type = rig.name("gap");
      const gaps: (number | undefined)[] = [];
      const heard: string[] = [];
      await other.bus.listen(
        event("#"),
        (_, message) => void heard.push(idOf(message)),
        (missed) => void gaps.push(missed),
      );
      await rig.server.loseEvents?.(client, other);
      await rig.until("the gap to be told", async () => {
        await client.bus.publish(event(type), makeMessage({ id: "after" }));
        return gaps.length > 0 && heard.includes("after");
      });
      for (const missed of gaps) if (missed !== undefined) expect(missed).toBeGreaterThan(0);
    });
  });
}
