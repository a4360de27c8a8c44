import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { workflowSuite } from "./workflow-suite.ts";

describeWith("redis-server", "with a private redis-server", () => {
  workflowSuite("Redis", async () => {
    const server = await startRedis({ appendonly: true });
    return { url: server.url, close: () => server.stop() };
  });

  workflowSuite("Redis, its results on another", async () => {
    const [server, results] = await Promise.all([startRedis(), startRedis()]);
    return {
      url: server.url,
      results: results.url,
      close: async () => {
        await Promise.all([server.stop(), results.stop()]);
      },
    };
  });
});
