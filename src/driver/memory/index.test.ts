/** Which URLs lead to the same server. */

import { describe, expect, it } from "vitest";
import { systemClock } from "../../clock/clock.ts";
import type { Backend, BackendOptions } from "../../port/backend.ts";
import { makeMessage, never } from "../../testing/conformance/rig.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { open } from "./index.ts";

const clock = new VirtualClock();

async function connect(url: string, more: Partial<BackendOptions> = {}): Promise<Backend> {
  const limits = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 1_000, allowEviction: false, keyPrefix: "" };
  const backend = open({ url: new URL(url), clock, ...limits, ...more });
  await backend.open(never);
  return backend;
}

async function depth(backend: Backend): Promise<number> {
  const [queue] = await backend.broker.queues.list();
  return queue?.ready.reduce((sum, line) => sum + line.count, 0) ?? 0;
}

async function send(backend: Backend): Promise<void> {
  await backend.broker.publish([{ queue: "q", message: makeMessage({ id: crypto.randomUUID() }) }], never);
}

describe("memory:", () => {
  it("is a server of one's own", async () => {
    const [one, two] = [await connect("memory:"), await connect("memory:")];
    await send(one);
    expect([await depth(one), await depth(two)]).toEqual([1, 0]);
    expect([one.broker.joins(one.store), one.broker.joins(two.store)]).toEqual([true, false]);
  });

  it("with a name is shared by that name, until the last has closed", async () => {
    const [one, two, other] = [
      await connect("memory:shop"),
      await connect("memory:shop"),
      await connect("memory:stock"),
    ];
    await send(one);
    expect([await depth(two), await depth(other)]).toEqual([1, 0]);
    expect(one.broker.joins(two.store)).toBe(true);
    await one.close();
    await one.close();
    const three = await connect("memory:shop");
    expect(await depth(three)).toBe(1);
    for (const backend of [two, three]) await backend.close();
    const fresh = await connect("memory:shop");
    expect(await depth(fresh)).toBe(0);
    for (const backend of [fresh, other]) await backend.close();
  });

  it("keeps two prefixes apart on one name", async () => {
    const [one, two] = [await connect("memory:p"), await connect("memory:p", { keyPrefix: "b:" })];
    await send(one);
    expect(await depth(two)).toBe(0);
    for (const backend of [one, two]) await backend.close();
  });

  it("refuses a second clock for one server", async () => {
    const one = await connect("memory:clock");
    await expect(connect("memory:clock", { clock: systemClock })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await one.close();
    await (await connect("memory:clock", { clock: systemClock })).close();
  });

  it("refuses calls before open and after close", async () => {
    const limits = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 1_000, allowEviction: false, keyPrefix: "" };
    const backend = open({ url: new URL("memory:"), clock, ...limits });
    await expect(backend.store.get(["a"])).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await backend.open(never);
    await backend.close();
    await expect(backend.store.get(["a"])).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await expect(backend.open(never)).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  });

  it("works on real time", async () => {
    const backend = await connect("memory:", { clock: systemClock });
    const came = Promise.withResolvers<string>();
    const consumer = await backend.broker.consume(
      { queues: ["q"], worker: "w", lease: 300, sweep: 50, maxClaimBytes: 1e6, userCodeHere: true, stallLimit: 60_000 },
      ([delivery]) => came.resolve(delivery?.queue ?? "none"),
    );
    consumer.want(1, 1);
    const due = Date.now() + 60;
    await backend.broker.publish([{ queue: "q", message: makeMessage({ id: "later" }), due }], never);
    expect(await came.promise).toBe("q");
    expect(Date.now()).toBeGreaterThanOrEqual(due);
    await backend.close();
  });
});
