import { workerSuite } from "./worker-suite.ts";

let count = 0;
workerSuite("memory", async () => ({ url: `memory:worker-suite-${String(++count)}`, close: async () => {} }));
