/** Steps of the server's clock. Needs a C compiler for the shim that makes them; without one the cases are skipped. */

import { describe } from "vitest";
import { clockCases } from "../../testing/conformance/broker-clock.ts";
import { canStepClock, steppableRedisServer } from "../../../test/server/redis-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("redis-server", "redis and a clock that steps", () => {
  describe.skipIf(!canStepClock)("stepped by a shim", () => clockCases(steppableRedisServer()));
});
