/** The conformance suite of `Ledger`: of many starts one goes, fences fence, and what is kept is given back once. */

import { describe } from "vitest";
import { beginCases, endingCases } from "./ledger-begin.ts";
import { longCases } from "./ledger-clock.ts";
import { custodyCases, frozenCases } from "./ledger-custody.ts";
import { followsCases } from "./ledger-follows.ts";
import { retriedCases } from "./ledger-retried.ts";
import type { MakeServer } from "./suite-server.ts";

export function ledgerSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a ledger`, () => {
    describe("begin", () => beginCases(makeServer));
    describe("what it would come after", () => followsCases(makeServer));
    describe("the end of a run", () => endingCases(makeServer));
    describe("another attempt", () => retriedCases(makeServer));
    describe("custody", () => custodyCases(makeServer));
    describe("a frozen owner", () => frozenCases(makeServer));
    longCases(makeServer);
  });
}
