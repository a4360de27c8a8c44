import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: [
      { find: /^celeriac$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^celeriac\/dashboard$/, replacement: new URL("./src/dashboard/index.ts", import.meta.url).pathname },
      { find: /^celeriac\/fastify$/, replacement: new URL("./src/web/fastify.ts", import.meta.url).pathname },
      { find: /^celeriac\/testing$/, replacement: new URL("./src/testing/index.ts", import.meta.url).pathname },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "dashboard-ui/src/**/*.test.ts", "test/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"], checker: "tsc", tsconfig: "./tsconfig.json" },
    pool: "forks",
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
