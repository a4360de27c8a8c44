/** Messages that come through a transaction, an outbox or a schedule bear signatures as those of `enqueue` do, and are refused as those are. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, chain, createApp, type DeadLetter } from "../../src/index.ts";
import { otherWays } from "./other-ways.ts";

const signing = { keys: { one: "a".repeat(32) } } as const;
const strange = { keys: { one: "z".repeat(32) } } as const;

let folder: string;
let apps: App[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-signed-ways-"));
  apps = [];
});
afterEach(async () => {
  for (const app of apps.toReversed()) await app.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(keys?: typeof signing | typeof strange) {
  const app = createApp({
    name: "ways",
    broker: `sqlite:${join(folder, "queue.db")}?embed`,
    ...(keys && { signing: keys }),
  });
  apps.push(app);
  return { app, double: app.remote<(n: number) => number>("double") };
}

/** A worker that takes what has a key of `signing` and nothing else. */
async function work(): Promise<{ readonly app: App; readonly ran: number[] }> {
  const { app } = open(signing);
  const ran: number[] = [];
  app.task("double", { positional: ["n"] }, ({ n }: { n: number }) => {
    ran.push(n);
    return 2 * n;
  });
  await app.work({ pool: "inline" });
  return { app, ran };
}

const letters = async (app: App): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 100)).items;

describe.each(["a transaction", "an outbox", "a schedule"] as const)("what comes through %s", (way) => {
  it("is signed, and run to the last of its steps", async () => {
    const sender = open(signing);
    const call = chain(sender.double.si(1), sender.double.s(), sender.double.s());
    const id = await otherWays[way]({ app: sender.app, folder, call });
    const { app, ran } = await work();
    expect(await app.result<number>(id).get({ timeout: "60s" })).toBe(8);
    expect(ran.slice(0, 3)).toEqual([1, 2, 4]);
    expect(await letters(app)).toEqual([]);
  });

  it("is refused when it is unsigned, or signed with another key, and not run", async () => {
    const ids: string[] = [];
    for (const keys of [undefined, strange]) {
      const { app, double } = open(keys);
      ids.push(await otherWays[way]({ app, folder, call: double.si(1) }));
    }
    const { app, ran } = await work();
    for (const id of ids) {
      await expect
        .poll(async () => (await letters(app)).map((letter) => [letter.id, letter.reason]))
        .toContainEqual([id, "refused-signature"]);
      expect(await app.result(id).state()).toBe("PENDING");
    }
    expect(ran).toEqual([]);
  });
});

describe("an outbox", () => {
  it("holds no signature: it is the relay's key that counts", async () => {
    const [unsigned, keyed] = [open(), open(signing)];
    const call = unsigned.double.si(3);
    const id = await otherWays["an outbox"]({ app: unsigned.app, relay: keyed.app, folder, call });
    const { app } = await work();
    expect(await app.result<number>(id).get({ timeout: "60s" })).toBe(6);
    const lost = await otherWays["an outbox"]({
      app: keyed.app,
      relay: unsigned.app,
      folder,
      call: keyed.double.si(4),
    });
    await expect.poll(async () => (await letters(app)).map((letter) => letter.id)).toEqual([lost]);
  });
});
