import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/test-order.ts";

/**
 * Suites that try what another of `npm test` tries too: the same contract in a second mode of a driver, the same commands and actions on
 * a second pair of servers, a worker whose broker stays away; the rows of Celery beside us, which are a command of their own (`npm run
 * interop`); the demos as users run them; and one that waits for a minute. `npm run test:long` runs these, so that `npm test` stays under ten
 * minutes on two cores.
 */
const long = [
  "src/driver/rabbitmq/conformance-quorum.test.ts",
  "src/driver/sqlite/conformance-unthreaded.test.ts",
  "test/deploy/image.test.ts",
  "test/integration/broker-away-rabbitmq.test.ts",
  "test/integration/broker-away.test.ts",
  "test/integration/checkpoint-fifty-kills.test.ts",
  "test/integration/cli-rabbitmq.test.ts",
  "test/integration/control-rabbitmq.test.ts",
  "test/integration/dashboard-rabbitmq.test.ts",
  "test/integration/diagnosis-rabbitmq.test.ts",
  "test/integration/media-demo.test.ts",
  "test/integration/outbox/outbox-kills-elsewhere.test.ts",
  "test/integration/python-demo.test.ts",
  "test/integration/rabbitmq-address.test.ts",
  "test/integration/rabbitmq-link.test.ts",
  "test/integration/sentinel-load.test.ts",
  "test/integration/task-types.test.ts",
  "test/integration/worker-apart.test.ts",
  "test/interop/mixed-redis-5-2.test.ts",
  "test/interop/mixed-redis-5-6.test.ts",
  "test/interop/rabbitmq-5-2.test.ts",
  "test/interop/rabbitmq-5-6.test.ts",
  "test/interop/redis-5-2.test.ts",
  "test/interop/redis-5-6.test.ts",
];
const isLong = process.env["CELERIAC_LONG"] === "1";

export default defineConfig({
  resolve: {
    alias: [
      { find: /^celeriac$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^celeriac\/dashboard$/, replacement: new URL("./src/dashboard/index.ts", import.meta.url).pathname },
      { find: /^celeriac\/fastify$/, replacement: new URL("./src/web/fastify.ts", import.meta.url).pathname },
      {
        find: /^celeriac\/opentelemetry$/,
        replacement: new URL("./src/opentelemetry/index.ts", import.meta.url).pathname,
      },
      { find: /^celeriac\/outbox$/, replacement: new URL("./src/outbox/index.ts", import.meta.url).pathname },
      { find: /^celeriac\/testing$/, replacement: new URL("./src/testing/index.ts", import.meta.url).pathname },
    ],
  },
  test: {
    include: isLong ? long : ["src/**/*.test.ts", "dashboard-ui/src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(isLong ? [] : long)],
    typecheck: {
      enabled: !isLong,
      include: ["test/types/**/*.test-d.ts"],
      checker: "tsc",
      tsconfig: "./tsconfig.json",
    },
    // More than half of what a short process costs is stripping the types of the sources and compiling them, and hundreds are started: with
    // this cache the suite of the command line takes 18 s of processor time instead of 48.
    env: { NODE_COMPILE_CACHE: new URL("./node_modules/.cache/celeriac-sources", import.meta.url).pathname },
    sequence: { sequencer: LongestFirst },
    pool: "forks",
    // V8 13.6 can crash where threads that share WebAssembly (Node strips types with it) end while another one compiles a wrapper of it
    // (WasmEngine::FreeDeadCode): seen in one of fifteen runs of the thread pool's suite. So wrappers are never compiled here.
    execArgv: ["--wasm-wrapper-tiering-budget=1000000000"],
    // On two cores: a third of the suites, the longest among them, wait for servers and leases most of their time.
    // The long ones are mostly pairs of servers with Python's workers beside them, whose own time limits they must keep.
    maxWorkers: isLong ? 2 : 4,
    // Patience costs a sound test nothing, and a machine that has much else to do stands still for seconds and is twenty times as slow.
    testTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 180_000,
  },
});
