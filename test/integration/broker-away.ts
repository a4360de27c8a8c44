/** `celeriac worker` under a broker that dies: it says so and comes back by itself, or ends with a code of failure; it never sits idle. */

import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { type App, createApp } from "../../src/index.ts";
import { WorkerProcess } from "../server/command-line.ts";

const appFile = fileURLToPath(new URL("./cli/app.ts", import.meta.url));

export interface MortalBroker {
  readonly url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** `server` is asked once it runs; after the last test it does not. */
export function brokerAwaySuite(name: string, server: () => MortalBroker): void {
  describe(`celeriac worker, its broker ${name}`, () => {
    let app: App | undefined;
    afterEach(() => app?.close());
    const start = (...flags: readonly string[]): WorkerProcess =>
      new WorkerProcess(["-A", appFile, "-c", "1", ...flags], { CLI_TEST_BROKER: server().url });
    const add = async (x: number): Promise<number> => {
      app ??= createApp({ broker: server().url, publishTimeout: "20s" });
      const sent = await app.remote<(x: number, y: number) => number>("math.add").delay(x, 1);
      return sent.get({ timeout: "60s" });
    };

    test("tells that it is gone, is there again as soon as it is back, and runs what comes", async () => {
      await using worker = start();
      await worker.line("worker.ready");
      expect(await add(1)).toBe(2);
      await server().kill();
      expect(await worker.line("broker.disconnected")).toMatchObject({ level: 40 });
      await server().restart();
      await worker.line("broker.connected");
      expect(await add(2)).toBe(3);
      expect(await worker.stop()).toBe(0);
    }, 240_000);

    test("ends with exit code 1 where it is away for longer than the limit, and with 0 where it is told to stop meanwhile", async () => {
      await using limited = start("--reconnect-limit", "500ms");
      await using patient = start();
      for (const each of [limited, patient]) await each.line("worker.ready");
      await server().kill();
      for (const each of [limited, patient]) await each.line("broker.disconnected");
      expect(await limited.exited).toBe(1);
      expect(limited.stderr).toMatch(/BACKEND_UNREACHABLE.*500 ms.*reconnectLimit/s);
      expect(await patient.stop()).toBe(0);
      await using late = start();
      expect(await late.exited).toBe(1);
      expect(late.stderr).toContain("BACKEND_UNREACHABLE");
    }, 240_000);
  });
}
