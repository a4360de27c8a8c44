/** The driver against the suites: on its thread, as in use, and on the calling thread, where a client can be frozen and its clock set. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { Clock } from "../../clock/clock.ts";
import { systemClock } from "../../clock/clock.ts";
import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { leaseSuite } from "../../testing/conformance/lease.ts";
import { resultStoreSuite } from "../../testing/conformance/result-store.ts";
import { stoppableClock } from "../../testing/conformance/suite-server.ts";
import type { ClientOverrides, OpenClient, SuiteServer } from "../../testing/conformance/suite-server.ts";
import { open } from "./index.ts";

const signal = new AbortController().signal;
const pass = (ms: number): Promise<void> => systemClock.sleep(ms, signal);

function makeServer(thread: boolean): () => Promise<SuiteServer> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "celeriac-suite-"));
    const path = join(directory, "queue.db");
    let step = 0;
    const wall: Clock = { ...systemClock, now: () => systemClock.now() + step };

    const start = async (overrides: ClientOverrides = {}): Promise<OpenClient> => {
      const clock = stoppableClock(wall);
      const backend = open({
        url: new URL(`sqlite://${path}?thread=${thread}`),
        clock: thread ? systemClock : clock,
        maxMessageBytes: 10 * 1024 * 1024,
        maxDepth: 0,
        commandTimeout: 5_000,
        allowEviction: false,
        keyPrefix: "",
        ...overrides,
      });
      await backend.open(signal);
      const stop = async (): Promise<void> => clock.stop();
      const go = async (): Promise<void> => clock.go();
      return thread ? backend : { ...backend, freeze: stop, thaw: go };
    };

    const direct = (run: (db: DatabaseSync, bus: DatabaseSync) => void): void => {
      const db = new DatabaseSync(path, { timeout: 5_000 });
      const bus = new DatabaseSync(`${path}-bus`, { timeout: 5_000 });
      run(db, bus);
      db.close();
      bus.close();
    };
    return {
      open: start,
      pass,
      now: () => wall.now(),
      async putRaw(queue, bytes) {
        direct((db) => {
          db.prepare("INSERT OR IGNORE INTO celeriac_queue (name) VALUES (?)").run(queue);
          const row = db.prepare("SELECT no FROM celeriac_queue WHERE name = ?").get(queue) as { no: number };
          const insert =
            "INSERT INTO celeriac_task (id, task, queue, prio, state, created, head, body) VALUES ('', '', ?, 0, 0, 0, '', ?)";
          db.prepare(insert).run(row.no, bytes);
        });
      },
      async loseEvents() {
        direct((_, bus) => {
          bus.prepare("INSERT INTO bus (channel, at, message) VALUES ('event/none', 0, '')").run();
          bus.prepare("INSERT INTO bus (channel, at, message) VALUES ('event/none', 0, '')").run();
          bus.exec(
            "BEGIN; INSERT INTO bus (channel, at, message) VALUES ('event/none', 0, ''); DELETE FROM bus; COMMIT",
          );
        });
      },
      ...(thread
        ? {}
        : {
            async jumpWallClock(ms: number) {
              step += ms;
            },
          }),
      timing: { lease: 600, sweep: 150 },
      async close() {
        rmSync(directory, { recursive: true, force: true });
      },
    };
  };
}

brokerSuite("sqlite", makeServer(true));
resultStoreSuite("sqlite", makeServer(true));
busSuite("sqlite", makeServer(true));
leaseSuite("sqlite", makeServer(true));
brokerSuite("sqlite on the calling thread", makeServer(false));
resultStoreSuite("sqlite on the calling thread", makeServer(false));
busSuite("sqlite on the calling thread", makeServer(false));
