/** Redis against the suites of every port it implements. */

import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { controlStateSuite } from "../../testing/conformance/control-state.ts";
import { joinsSuite } from "../../testing/conformance/joins.ts";
import { leaseSuite } from "../../testing/conformance/lease.ts";
import { limitsSuite } from "../../testing/conformance/limits.ts";
import { repliesSuite } from "../../testing/conformance/replies.ts";
import { ledgerSuite } from "../../testing/conformance/ledger.ts";
import { resultStoreSuite } from "../../testing/conformance/result-store.ts";
import { redisSuiteServer } from "../../../test/server/redis-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("redis-server", "redis conformance", () => {
  const server = redisSuiteServer();
  brokerSuite("redis", server);
  resultStoreSuite("redis", server);
  ledgerSuite("redis", server);
  joinsSuite("redis", server);
  busSuite("redis", server);
  leaseSuite("redis", server);
  controlStateSuite("redis", server);
  limitsSuite("redis", server);
  repliesSuite("redis", server, ({ replies }) => replies);
});
