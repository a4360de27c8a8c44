/** What a consumer does with claims whose lease may be over: by its own clock, whatever the server would say. */

import { expect, it } from "vitest";

import { VirtualClock } from "../../testing/virtual-clock.ts";
import { RedisDelivery } from "./delivery.ts";
import { Leases, type Renewer } from "./leases.ts";

const lease = 30_000;

interface Bench {
  readonly clock: VirtualClock;
  readonly leases: Leases;
  readonly renewer: { renewedAt: number; asked: number };
  readonly claimedAt: (sentAt: number) => RedisDelivery;
}

function benchOf(): Bench {
  const clock = new VirtualClock();
  const renewer = {
    renewedAt: 0,
    asked: 0,
    hold() {},
    release() {},
    renewNow: () => void renewer.asked++,
    async close() {},
  };
  const leases = new Leases({ clock, lease, renewer: renewer satisfies Renewer, freed: () => {} });
  let fence = 0;
  const claimedAt = (sentAt: number): RedisDelivery => {
    const delivery = new RedisDelivery(`${++fence}.0.q`, Buffer.from("{}"), clock.now(), sentAt);
    leases.add([delivery]);
    return delivery;
  };
  return { clock, leases, renewer, claimedAt };
}

const never = new AbortController().signal;

it("hands out nothing that is older than two thirds of a lease before it was renewed", async () => {
  const { clock, leases, renewer, claimedAt } = benchOf();
  const delivery = claimedAt(clock.monotonic());
  await clock.advance((lease * 2) / 3 + 1);
  const handed: unknown[] = [];
  const confirming = leases.confirm([delivery], never).then((ours) => void handed.push(...ours));
  await clock.advance(2_000);
  expect([handed, renewer.asked]).toEqual([[], 1]);
  renewer.renewedAt = clock.monotonic();
  await clock.advance(1_000);
  await confirming;
  expect(handed).toEqual([delivery]);
  leases.close();
});

it("hands out at once what is younger, and never what no renewal came for until the end of its lease", async () => {
  const { clock, leases, claimedAt } = benchOf();
  await clock.advance(lease);
  const young = claimedAt(clock.monotonic());
  expect(await leases.confirm([young], never)).toEqual([young]);
  await clock.advance((lease * 2) / 3);
  const old = claimedAt(clock.monotonic() - (lease * 2) / 3 - 1);
  const confirming = leases.confirm([old], never);
  await clock.advance(lease);
  expect(await confirming).toEqual([]);
  expect([young.isLost, old.isLost]).toEqual([true, true]);
  leases.close();
});
