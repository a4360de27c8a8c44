/** The same on the calling thread, where the suites can freeze a client and set its clock. */

import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { joinsSuite } from "../../testing/conformance/joins.ts";
import { controlStateSuite } from "../../testing/conformance/control-state.ts";
import { limitsSuite } from "../../testing/conformance/limits.ts";
import { ledgerSuite } from "../../testing/conformance/ledger.ts";
import { resultStoreSuite } from "../../testing/conformance/result-store.ts";
import { makeServer } from "./fixtures/suite-file.ts";

brokerSuite("sqlite on the calling thread", makeServer(false));
resultStoreSuite("sqlite on the calling thread", makeServer(false));
ledgerSuite("sqlite on the calling thread", makeServer(false));
joinsSuite("sqlite on the calling thread", makeServer(false));
busSuite("sqlite on the calling thread", makeServer(false));
controlStateSuite("sqlite on the calling thread", makeServer(false));
limitsSuite("sqlite on the calling thread", makeServer(false));
