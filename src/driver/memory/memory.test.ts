/** The memory driver satisfies every port. */

import { expect } from "vitest";
import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { controlStateSuite } from "../../testing/conformance/control-state.ts";
import { joinsSuite } from "../../testing/conformance/joins.ts";
import { leaseSuite } from "../../testing/conformance/lease.ts";
import { limitsSuite } from "../../testing/conformance/limits.ts";
import { ledgerSuite } from "../../testing/conformance/ledger.ts";
import { resultStoreSuite } from "../../testing/conformance/result-store.ts";
import { makeMessage, never } from "../../testing/conformance/rig.ts";
import { stoppableClock, type SuiteServer } from "../../testing/conformance/suite-server.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { MemoryBackend } from "./backend.ts";
import { MemoryServer } from "./server.ts";

const url = new URL("memory:");
const limits = {
  maxMessageBytes: 8 * 1024 * 1024,
  maxDepth: 0,
  commandTimeout: 1_000,
  allowEviction: false,
  keyPrefix: "",
};

async function makeServer(): Promise<SuiteServer> {
  const clock = new VirtualClock();
  const server = new MemoryServer(clock);
  return {
    timing: { lease: 3_000, sweep: 500 },
    virtual: true,
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    jumpWallClock: async (ms) => clock.jump(ms),
    putRaw: async (queue, bytes) => server.putRaw(queue, bytes),
    loseEvents: async (from) => {
      const message = makeMessage({ id: "one of too many" });
      await Promise.all(
        Array.from({ length: 1_500 }, () => from.bus.publish({ kind: "event", type: "flood" }, message)),
      );
    },
    open: async (overrides) => {
      const own = stoppableClock(clock);
      const backend = new MemoryBackend(server, { url, clock: own, ...limits, ...overrides });
      await backend.open(never);
      return Object.assign(backend, {
        kill: async () => backend.abandon(),
        freeze: async () => own.stop(),
        thaw: async () => own.go(),
      });
    },
    close: async () => expect(clock.pending, "timers that nobody stopped").toBe(0),
  };
}

brokerSuite("memory", makeServer);
resultStoreSuite("memory", makeServer);
ledgerSuite("memory", makeServer);
joinsSuite("memory", makeServer);
busSuite("memory", makeServer);
leaseSuite("memory", makeServer);
controlStateSuite("memory", makeServer);
limitsSuite("memory", makeServer);
