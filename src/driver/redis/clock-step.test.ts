/** Steps of the server's clock. Needs a C compiler for the shim that makes them, and a loader that knows LD_PRELOAD. */

import { describe } from "vitest";
import { clockCases } from "../../testing/conformance/broker-clock.ts";
import { factTimeCases } from "../../testing/conformance/control-state.ts";
import { joinClockCases } from "../../testing/conformance/joins-stale.ts";
import { limitClockCases } from "../../testing/conformance/limits.ts";
import { longCases } from "../../testing/conformance/ledger-clock.ts";
import { steppableRedisServer } from "../../../test/server/redis-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("redis-server", "redis and a clock that steps", () => {
  describe.runIf(process.platform === "linux")("on Linux", () => {
    describeWith("cc", "stepped by a shim", () => {
      clockCases(steppableRedisServer());
      longCases(steppableRedisServer());
      joinClockCases(steppableRedisServer());
      describe("facts", () => factTimeCases(steppableRedisServer()));
      describe("limits", () => limitClockCases(steppableRedisServer()));
    });
  });
});
