import { expect, it } from "vitest";
import { freeze } from "../task/registry.ts";
import { poolConformance } from "../testing/conformance/pool.ts";
import { PoolRig, type PoolSubject } from "../testing/conformance/pool-rig.ts";
import { app as fixture } from "./fixtures/app.ts";
import { createThreadPool } from "./thread-pool.ts";

const subject: PoolSubject = {
  contains: "thread",
  async make({ app, env = [], ...settings }) {
    const { tasks } = await fixture[freeze]();
    const url = app ?? new URL("fixtures/app.ts", import.meta.url).href;
    return createThreadPool({ ...settings, app: { url, export: "app" }, env, expectedTasks: tasks });
  },
};

poolConformance("thread", subject);

it.skipIf(process.platform === "win32")(
  "writes a thread off that a native call blocks, for it can't be ended",
  async () => {
    const rig = await PoolRig.make(subject, { slots: 1 });
    await rig.pool.open();
    expect(await rig.run("native", { input: 12, hard: 100 })).toMatchObject({ k: "hard-limit" });
    const since = performance.now();
    await rig.pool.close(0);
    expect(performance.now() - since).toBeLessThan(10_000);
  },
);
