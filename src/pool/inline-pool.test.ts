import { freeze } from "../task/registry.ts";
import { poolConformance } from "../testing/conformance/pool.ts";
import { app } from "./fixtures/app.ts";
import { createInlinePool } from "./inline-pool.ts";

poolConformance("inline", {
  contains: "none",
  async make({ slots, hooks, clock, maxResultBytes }) {
    const { registry } = await app[freeze]();
    return createInlinePool({ registry, slots, hooks, clock, maxResultBytes });
  },
});
