/** The conformance suite of `Broker`: what a driver must do to be one. A case is skipped by a feature flag or a missing hook alone. */

import { describe } from "vitest";
import { administrationCases } from "./broker-admin.ts";
import { callCases } from "./broker-calls.ts";
import { callEndCases } from "./broker-calls-over.ts";
import { claimCases } from "./broker-claim.ts";
import { clockCases } from "./broker-clock.ts";
import { countingCases } from "./broker-counting.ts";
import { deadLetterCases } from "./broker-dead.ts";
import { delayCases } from "./broker-delay.ts";
import { fairCases } from "./broker-fair.ts";
import { leaseCases } from "./broker-lease.ts";
import { orderCases } from "./broker-order.ts";
import { publishCases } from "./broker-publish.ts";
import { requeueCases } from "./broker-requeue.ts";
import { settledResultCases } from "./broker-results.ts";
import { settleCases } from "./broker-settle.ts";
import type { MakeServer } from "./suite-server.ts";

export type { ClientOverrides, MakeServer, OpenClient, SuiteServer } from "./suite-server.ts";

/**
 * Runs every case of the broker port against the servers that `makeServer` starts (one a chapter).
 *
 * @example
 * ```ts
 * import { brokerSuite } from "./testing/conformance/broker.ts";
 * brokerSuite("memory", makeMemoryServer);
 * ```
 */
export function brokerSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a broker`, () => {
    describe("publish", () => publishCases(makeServer));
    describe("claim", () => claimCases(makeServer));
    describe("order", () => orderCases(makeServer));
    describe("turns", () => fairCases(makeServer));
    describe("delay", () => delayCases(makeServer));
    describe("keys of calls", () => callCases(makeServer));
    describe("keys of calls that are over", () => callEndCases(makeServer));
    describe("settle", () => settleCases(makeServer));
    describe("results in a settlement", () => settledResultCases(makeServer));
    describe("lease", () => leaseCases(makeServer));
    describe("counting", () => countingCases(makeServer));
    describe("clock", () => clockCases(makeServer));
    describe("queues", () => administrationCases(makeServer));
    describe("requeue", () => requeueCases(makeServer));
    describe("dead letters", () => deadLetterCases(makeServer));
  });
}
