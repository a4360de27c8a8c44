/** The driver on its thread, as in use, against the suites. */

import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { joinsSuite } from "../../testing/conformance/joins.ts";
import { controlStateSuite } from "../../testing/conformance/control-state.ts";
import { leaseSuite } from "../../testing/conformance/lease.ts";
import { limitsSuite } from "../../testing/conformance/limits.ts";
import { ledgerSuite } from "../../testing/conformance/ledger.ts";
import { resultStoreSuite } from "../../testing/conformance/result-store.ts";
import { makeServer } from "./fixtures/suite-file.ts";

brokerSuite("sqlite", makeServer(true));
resultStoreSuite("sqlite", makeServer(true));
ledgerSuite("sqlite", makeServer(true));
joinsSuite("sqlite", makeServer(true));
busSuite("sqlite", makeServer(true));
leaseSuite("sqlite", makeServer(true));
limitsSuite("sqlite", makeServer(true));
// The file is all there is to be started again.
controlStateSuite("sqlite", async () => ({ ...(await makeServer(true)()), restart: async () => {} }));
