/** The conformance suite of `Lease`: one holder, terms that only grow, and ticks that fire at most once. */

import { describe, expect, it } from "vitest";
import { fireCases, stepCases } from "./lease-fire.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function leaseSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a lease`, () => {
    termCases(makeServer);
    fireCases(makeServer);
    stepCases(makeServer);
  });
}

function termCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("has one holder at a time", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("one");
    const from = rig.server.now();
    const term = await client.lease.acquire(name, "a", 60_000);
    expect(term).toMatchObject({ name, holder: "a", term: expect.any(Number) });
    expect(term?.until).toBeGreaterThan(from + 58_000);
    expect(term?.until).toBeLessThan(rig.server.now() + 62_000);
    expect(await other.lease.acquire(name, "b", 10_000)).toBeUndefined();
    expect(await other.lease.acquire(rig.name("another"), "b", 10_000)).toMatchObject({ holder: "b" });
  });

  it("lets one of many win a race", async () => {
    const rig = use();
    const clients = await Promise.all([rig.client(), rig.client(), rig.client()]);
    const name = rig.name("race");
    const terms = await Promise.all(clients.map((client, index) => client.lease.acquire(name, `h${index}`, 60_000)));
    expect(terms.filter((term) => term !== undefined)).toHaveLength(1);
  });

  it("is handed over when it ends, with a higher term; the former holder can no longer renew or release it", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("handover");
    const first = await client.lease.acquire(name, "a", 60_000);
    if (first === undefined) throw new Error("nobody held it");
    expect(await other.lease.acquire(name, "b", 60_000)).toBeUndefined();
    expect(await client.lease.renew(first, 400)).toMatchObject({ term: first.term });
    await rig.server.pass(600);
    const second = await other.lease.acquire(name, "b", 60_000);
    if (second === undefined) throw new Error("it had ended");
    expect(second.term).toBeGreaterThan(first.term);
    expect(await client.lease.renew(first, 10_000)).toBeUndefined();
    await client.lease.release(first);
    expect(await client.lease.acquire(name, "a", 10_000)).toBeUndefined();
    expect(await other.lease.renew(second, 10_000)).toMatchObject({ term: second.term, holder: "b" });
  });

  it("lasts as long as it is renewed, under the same term", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("renew");
    let term = await client.lease.acquire(name, "a", 3_000);
    const number = term?.term;
    for (let n = 0; n < 3; n += 1) {
      await rig.server.pass(1_200);
      expect(await other.lease.acquire(name, "b", 3_000)).toBeUndefined();
      if (term) term = await client.lease.renew(term, 3_000);
      expect(term?.term).toBe(number);
    }
  });

  it("is free after release, and the next term is still higher", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("release");
    const first = await client.lease.acquire(name, "a", 60_000);
    if (first === undefined) throw new Error("nobody held it");
    await client.lease.release(first);
    await client.lease.release(first);
    const second = await other.lease.acquire(name, "b", 60_000);
    expect(second?.term).toBeGreaterThan(first.term);
    expect(await client.lease.renew(first, 10_000)).toBeUndefined();
  });
}
