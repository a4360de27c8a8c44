/** Wrong passwords cost who sends them: whoever that is, also where a proxy stands between, and nobody else. */

import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { AuditPage } from "../contract.ts";
import { type Asked, Stage } from "../fixtures/stage.ts";
import { hashPassword } from "./password.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

const [ann, bob] = await Promise.all([hashPassword("of ann", 10), hashPassword("of bob", 10)]);
const users = [
  { name: "ann", role: "admin", password: ann },
  { name: "bob", role: "view", password: bob },
] as const;
const proxy = "10.0.0.5";

let stage: Stage | undefined;
afterAll(() => stage?.[Symbol.asyncDispose]());
const before = (trustedProxies?: readonly string[]) => async (): Promise<void> => {
  await stage?.[Symbol.asyncDispose]();
  stage = new Stage(undefined, { login: { users }, ...(trustedProxies !== undefined && { trustedProxies }) });
};

function as(name: string, password: string, address: string, via?: string): Asked {
  return {
    headers: {
      authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
      ...(via !== undefined && { "x-forwarded-for": address }),
    },
    peer: { address: via ?? address },
  };
}

async function statusOf(asked: Asked): Promise<number> {
  return (await stage?.ask("/api/session", asked))?.status ?? 0;
}

/** One after the other, each with another password. */
async function guess(times: number, name: string, address: (turn: number) => string, via?: string): Promise<number[]> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn++)
    all.push(await statusOf(as(name, `guess ${String(turn)}`, address(turn), via)));
  return all;
}

describe("wrong passwords", () => {
  beforeEach(before());

  test("lock out a name where they come from: there also the right one, elsewhere not", async () => {
    const tries = await guess(12, "ann", () => "203.0.113.77");
    expect(tries).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect(await statusOf(as("ann", "of ann", "203.0.113.77"))).toBe(429);
    expect(await statusOf(as("bob", "of bob", "203.0.113.77"))).toBe(200);
    expect(await statusOf(as("ann", "of ann", "198.51.100.1"))).toBe(200);
  });

  test("of a name from many addresses lock nobody out", async () => {
    const tries = await guess(30, "ann", (turn) => `203.0.113.${String(turn)}`);
    expect(tries).toEqual(Array<number>(30).fill(401));
    expect(await statusOf(as("ann", "of ann", "198.51.100.1"))).toBe(200);
  });

  test("of many names lock their address out, which of IPv6 is a network", async () => {
    const tries: number[] = [];
    for (let turn = 0; turn < 51; turn++)
      tries.push(await statusOf(as(`ghost ${String(turn)}`, "x", `2001:db8:0:7::${turn.toString(16)}`)));
    expect(tries).toEqual([...Array<number>(50).fill(401), 429]);
    expect(await statusOf(as("ann", "of ann", "2001:0db8:0000:0007:ffff::9"))).toBe(429);
    expect(await statusOf(as("ann", "of ann", "2001:db8:0:8::1"))).toBe(200);
  });

  test("are the proxy's own where it is not trusted, whatever the header says", async () => {
    await guess(10, "ann", (turn) => `203.0.113.${String(turn)}`, proxy);
    expect(await statusOf(as("ann", "of ann", "198.51.100.1", proxy))).toBe(429);
  });
});

describe("behind a trusted proxy", () => {
  beforeEach(before([proxy]));

  test("strangers with wrong passwords lock nobody else out", async () => {
    expect(await guess(11, "ann", () => "203.0.113.77", proxy)).toEqual([...Array<number>(10).fill(401), 429]);
    expect(await statusOf(as("ann", "of ann", "198.51.100.1", proxy))).toBe(200);
    // What a stranger writes left of what the proxy does makes nobody of somebody.
    const forged = await guess(1, "ann", () => "198.51.100.2, 203.0.113.77", proxy);
    expect(forged).toEqual([429]);
  });

  test("the audit log has the address of who did it", async () => {
    const me = as("ann", "of ann", "198.51.100.1", proxy);
    await stage?.act({ do: "queue.pause", queue: "mail" }, me);
    expect((await stage?.get<AuditPage>("/api/audit", me))?.items).toMatchObject([{ address: "198.51.100.1" }]);
  });
});

describe("the client", () => {
  const client = (header: string | undefined, address: string | undefined, trusted: readonly string[]) => {
    const headers = header === undefined ? undefined : { "x-forwarded-for": header };
    return new TrustedProxies(trusted).clientOf(
      new Request("http://localhost/", headers === undefined ? {} : { headers }),
      address,
    );
  };

  test.each([
    ["the other end, where nobody is trusted", "192.0.2.1", proxy, [], proxy],
    ["the other end, where that is not trusted", "192.0.2.1", "192.0.2.9", [proxy], "192.0.2.9"],
    ["the right-most that is no proxy's", "1.1.1.1, 192.0.2.1, 10.0.0.6", proxy, ["10.0.0.0/8"], "192.0.2.1"],
    ["the first of all, where all are trusted", "10.0.0.7, 10.0.0.6", proxy, ["10.0.0.0/8"], "10.0.0.7"],
    ["the proxy, where that names nobody", undefined, proxy, [proxy], proxy],
    ["the proxy that wrote what is no address", "192.0.2.1, unknown", proxy, [proxy], proxy],
    ["read with its port", "192.0.2.1:4711", proxy, [proxy], "192.0.2.1"],
    ["read with its port in IPv6", "[2001:db8::1]:4711", "fd00::1", ["fd00::/8"], "2001:db8::1"],
    ["IPv4's in the clothes of IPv6", "::ffff:192.0.2.1", `::ffff:${proxy}`, [proxy], "192.0.2.1"],
    ["unknown, where the server does not tell", "192.0.2.1", undefined, [proxy], undefined],
  ] as const)("is %s", (_what, header, address, trusted, expected) => {
    expect(client(header, address, trusted)).toBe(expected);
  });

  test.each(["everybody", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0", "10.0.0.0/8/8", ""])(
    "nobody trusts %j",
    (network) => {
      expect(() => new TrustedProxies([network])).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    },
  );
});
