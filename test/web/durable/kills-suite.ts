/** What a server has answered for is done, however often it is killed between its answer and the task. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createApp } from "../../../src/app/app.ts";
import { end } from "../../server/child-process.ts";

/** Asked at once; the first answer kills. */
const together = 8;

/** Loaded, and waiting to be opened. */
function prepare(servers: Set<ChildProcess>, file: string, journal: string): ChildProcess {
  const server = fork(join(import.meta.dirname, "server.ts"), [file, journal], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  servers.add(server);
  return server;
}

async function portOf(server: ChildProcess): Promise<number> {
  const exit = once(server, "exit").then(() => Promise.reject(new Error("the server ended by itself")));
  exit.catch(() => {});
  server.send("open");
  const [port] = (await Promise.race([once(server, "message"), exit])) as [number];
  return port;
}

/** True if the server answered for it before it died. */
function order(port: number, number: number, agent: Agent, answered: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port, host: "127.0.0.1", method: "POST", path: `/orders/${number}`, agent }, (response) => {
      response.resume().on("error", () => {});
      if (response.statusCode === 202) answered();
      resolve(response.statusCode === 202);
    });
    asked.on("error", () => resolve(false)).end();
  });
}

const done = (journal: string): Set<number> =>
  new Set(existsSync(journal) ? readFileSync(journal, "utf8").trim().split("\n").map(Number) : []);

export function killsSuite(kills: number): void {
  let folder: string;
  const servers = new Set<ChildProcess>();
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-kills-"));
  });
  afterAll(async () => {
    for (const server of servers) await end(server);
    rmSync(folder, { recursive: true, force: true });
  });

  test(
    `${kills} kills between answer and task lose none of what was answered for`,
    { timeout: 120_000 + kills * 15_000 },
    async () => {
      const file = `sqlite:${join(folder, "background.db")}`;
      const journal = join(folder, "journal.txt");
      const answered: number[] = [];
      const lost = (): number[] => {
        const ran = done(journal);
        return answered.filter((number) => !ran.has(number));
      };
      let undone = 0;
      let next = prepare(servers, file, journal);
      for (let round = 0; round < kills; round++) {
        const server = next;
        next = prepare(servers, file, journal);
        const port = await portOf(server);
        const agent = new Agent({ keepAlive: false });
        const numbers = Array.from({ length: together }, (_, at) => round * together + at);
        // The signal is sent within the turn that reads the answer: what the server does after it is only what it had begun.
        const told = await Promise.all(
          numbers.map((number) => order(port, number, agent, () => server.kill("SIGKILL"))),
        );
        await end(server);
        servers.delete(server);
        answered.push(...numbers.filter((_, at) => told[at]));
        if (lost().length > 0) undone++;
      }
      expect(undone, "kills that came before a task").toBeGreaterThan(kills / 2);
      await portOf(next);
      await vi.waitFor(() => expect(lost()).toEqual([]), { timeout: 60_000, interval: 50 });
      await end(next);
      const inside = createApp({ name: "killed background", broker: file });
      expect((await inside.dead.list({}, undefined, 10)).items).toEqual([]);
      await inside.close();
      expect(answered.length).toBeGreaterThanOrEqual(kills);
    },
  );
}
