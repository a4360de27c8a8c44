import { DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock/clock.ts";
import { createApp } from "../index.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing, Settlement } from "../port/broker.ts";
import { readSeal, signatureHeader } from "../wire/signing.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { coreOf } from "./app.ts";
import { signedBackend } from "./signed-backend.ts";
import { resolveSigning, type SigningOptions } from "./signing.ts";

const secret = "s".repeat(32);

describe("keys", () => {
  const former = process.env["CELERIAC_ROLE"];
  afterEach(() => {
    if (former === undefined) delete process.env["CELERIAC_ROLE"];
    else process.env["CELERIAC_ROLE"] = former;
  });

  it.each<[string, unknown]>([
    ["no key", { keys: {} }],
    ["a key that the environment lacks", { keys: { k: undefined } }],
    ["a short secret", { keys: { k: "s".repeat(31) } }],
    ["a secret that is no text", { keys: { k: 12_345 } }],
    ["an id with a space", { keys: { "a b": secret } }],
    ["two keys and none that signs", { keys: { a: secret, b: secret } }],
    ["a signing key that is not there", { keys: { a: secret }, use: "b" }],
    ["a signing key by the name of a prototype's member", { keys: { a: secret }, use: "constructor" }],
    ["an option that does not exist", { keys: { a: secret }, algorithm: "none" }],
    ["a queue that is none", { keys: { a: secret }, acceptUnsigned: ["a\n"] }],
    ["queues that are no list", { keys: { a: secret }, acceptUnsigned: "celery" }],
  ])("are refused when the app is made: %s", (_, signing) => {
    const make = (): unknown => createApp({ broker: "memory:keys", signing: signing as SigningOptions });
    expect(make).toThrow(expect.objectContaining({ code: expect.stringMatching(/^(?:CONFIG|NAME)_INVALID$/) }));
    expect(make).toThrow(expect.not.stringContaining("ssss"));
  });

  it("need no name if there is one, may be bytes, and are shown by nothing", () => {
    const app = createApp({ broker: "memory:keys", signing: { keys: { k: Buffer.from(secret) } } });
    const { config } = coreOf(app);
    expect(config.signing?.use).toBe("k");
    expect(inspect(config, { depth: 20, showHidden: true })).not.toContain("ssss");
    expect(JSON.stringify(config.signing)).not.toContain("ssss");
  });

  it("are not asked for in a child of a pool, which is given none", () => {
    process.env["CELERIAC_ROLE"] = "child";
    expect(resolveSigning({ keys: { k: undefined } })).toBeUndefined();
  });
});

describe("a transaction in a child of a pool", () => {
  it("takes nothing where there are keys, which the child does not get", async () => {
    process.env["CELERIAC_ROLE"] = "child";
    const app = createApp({ broker: "sqlite:shop.db?embed", signing: { keys: { k: secret } } });
    using db = new DatabaseSync(":memory:");
    await expect(app.within(db)).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("gets no keys") as string,
    });
  });
});

describe("a backend that signs", () => {
  const keyring = resolveSigning({ keys: { k: secret } });
  if (keyring === undefined) throw new Error("no keys");
  const outgoing = (headers: Record<string, unknown> = {}): Outgoing => {
    const message = makeTaskMessage({ task: "t", id: "i", args: [], kwargs: {} });
    return { queue: "q", message: { ...message, headers: { ...message.headers, ...headers } } };
  };
  const isSigned = ({ message, queue }: Outgoing): boolean =>
    readSeal(message, { kind: "task", queue }, keyring).kind === "signed";

  it("signs what a schedule sends in one step with its tick", async () => {
    const fired: Outgoing[] = [];
    const lease = {
      fire: async (_term: unknown, _schedule: string, _tick: number, send: readonly Outgoing[]) => {
        fired.push(...send);
        return "fired";
      },
    };
    const bare = { broker: { queues: {} }, bus: {}, lease } as unknown as Backend;
    const term = { name: "n", holder: "h", term: 1, until: 1 };
    await signedBackend(bare, keyring, systemClock).lease?.fire(term, "s", 1, [outgoing(), outgoing()]);
    expect(fired.map(isSigned)).toEqual([true, true]);
  });

  it("leaves alone what is put on its way again as it came: it must not be sound because we touched it", async () => {
    const sent: Outgoing[] = [];
    const broker = { queues: {}, publish: async (batch: readonly Outgoing[]) => (sent.push(...batch), []) };
    const bare = { broker, bus: {} } as unknown as Backend;
    const forged = outgoing({ [signatureHeader]: "1 k 5 forged" });
    const stripped = outgoing({ [signatureHeader]: null });
    const signal = new AbortController().signal;
    await signedBackend(bare, keyring, systemClock).broker.publish([forged, stripped, outgoing()], signal);
    expect(sent.map(isSigned)).toEqual([false, false, true]);
  });

  it("signs what replaces and what follows, and knows a settlement again that is repeated", async () => {
    const settled: Settlement[] = [];
    const consumer = { settle: async (batch: readonly Settlement[]) => (settled.push(...batch), []) };
    const bare = { broker: { queues: {}, consume: async () => consumer }, bus: {} } as unknown as Backend;
    const { broker } = signedBackend(bare, keyring, systemClock);
    const consuming = await broker.consume({} as Parameters<typeof broker.consume>[0], () => {});
    const delivery = {} as Settlement["delivery"];
    const next = outgoing({ [signatureHeader]: "1 k 5 former" });
    const batch: Settlement[] = [
      { delivery, then: { kind: "replace", next }, follow: [outgoing()] },
      { delivery, then: { kind: "ack" } },
    ];
    await consuming.settle(batch);
    await consuming.settle(batch);
    const [first, second, again] = settled;
    expect(first).toBe(again);
    expect(second).toBe(batch[1]);
    expect(first?.then.kind === "replace" && isSigned(first.then.next)).toBe(true);
    expect(first?.follow?.map(isSigned)).toEqual([true]);
  });
});
