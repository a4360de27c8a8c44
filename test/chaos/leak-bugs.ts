/** Seeded bugs that break no promise to a task, and leave something behind. */

import type { Bug, Patch } from "./bugs.ts";

/** It would end by the kernel's hand, with its channel, by the thread that watches a pipe, and with nothing more to do. */
const outlivesWorker: readonly Patch[] = [
  { file: "src/pool/process-link.ts", find: "= options.deathSignal\n", put: "= options.deathSignal && false\n" },
  {
    file: "src/pool/process-child.ts",
    find: 'process.on("disconnect", () => process.exit(orphaned));\n',
    put: "setInterval(() => {}, 1e9);\n",
  },
  {
    file: "src/pool/process-child.ts",
    find: 'new Worker(siblingModule("orphan-watcher"), { env: {}, execArgv: ["--disable-warning=ExperimentalWarning"] }).unref();\n',
    put: "void [Worker, siblingModule];\n",
  },
  {
    file: "src/pool/process-child.ts",
    find: 'pipe.on("error", () => process.exit(orphaned));',
    put: 'pipe.on("error", () => {});',
  },
];

export const leakBugs: Readonly<Record<string, Bug>> = {
  "keeps-what-ended": {
    says: "does not remove what it noted of a task when that ends",
    patches: {
      redis: [
        {
          file: "src/driver/redis/script/settle.ts",
          find: "  if #of > 0 then call('HDEL', KEYS[started + 0], unpack(of)) end\n",
          put: "",
        },
      ],
      sqlite: [{ file: "src/driver/sqlite/settling.ts", find: "    this.#forgetAttempts.run(id);\n", put: "" }],
      rabbitmq: [
        {
          file: "src/driver/redis/script/store.ts",
          find: "      redis.call('HDEL', points, ${startFields})\n      if redis.call('HLEN', points) == 1 then redis.call('PEXPIRE', points, keep) end\n",
          put: "      redis.call('PERSIST', points)\n",
        },
      ],
    },
  },
  "children-stay": {
    says: "leaves the children of a worker that is killed where they are",
    only: "kill worker",
    patches: { sqlite: outlivesWorker, redis: outlivesWorker, rabbitmq: outlivesWorker },
  },
};
