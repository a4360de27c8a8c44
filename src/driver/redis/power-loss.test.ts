/**
 * A loss of power, as near as it can be had: the append-only file as it lay at some moment, cut anywhere in its tail. With
 * `appendfsync always` a call is answered after its fsync, so what was answered before the cut must be there, whole and in its order.
 */

import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, it } from "vitest";

import { never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";

const always = { appendonly: true, config: { appendfsync: "always" } } as const;
const cuts = 24;
const tasks = 60;

interface Answered {
  readonly id: string;
  readonly what: "message" | "result";
  /** Bytes of the file when the answer was there. */
  readonly size: number;
}

/** The file that is written to: the only one before Redis 7, the newest increment since. */
function logIn(dir: string): string {
  const found = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(\.incr\.aof|appendonly\.aof)$/.test(name),
  );
  const [name] = found;
  if (name === undefined || found.length > 1) throw new Error(`${found.length} append-only files in ${dir}`);
  return join(dir, name);
}

async function waiting(backend: Backend): Promise<string[]> {
  const { items } = await backend.broker.queues.browse("q", "ready", undefined, 200);
  return items.map(({ raw }) => (JSON.parse(Buffer.from(raw).toString()) as { headers: { id: string } }).headers.id);
}

describeWith("redis-server", "an append-only file that is cut in its tail", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it(`holds what was answered before the cut, in order and nothing in part: ${String(cuts)} cuts`, async () => {
    await using server = await startRedis(always);
    const log = logIn(server.dir);
    const backend = await openBackend(server.url);
    const answered: Answered[] = [];
    const note = (id: string, what: Answered["what"]): void =>
      void answered.push({ id, what, size: statSync(log).size });
    for (let no = 0; no < tasks; no++) {
      const id = `m${String(no)}`;
      await backend.broker.publish(
        [
          outgoing(
            "q",
            id,
            { dedupe: { id, nonce: id, window: 60_000 } },
            JSON.stringify([["x".repeat((no * 97) % 900)], {}, {}]),
          ),
        ],
        never,
      );
      note(id, "message");
      const meta = Buffer.from('{"status":"SUCCESS"}');
      await backend.store.commit([{ id, state: "SUCCESS", final: true, fence: 1, meta, ttl: undefined }]);
      note(id, "result");
    }
    await backend.close();
    await server.kill();
    const first = answered[0]?.size ?? 0;
    const last = answered.at(-1)?.size ?? 0;
    for (let turn = 0; turn < cuts; turn++) {
      // Spread over the file, and anywhere in what one call wrote.
      const cut = Math.floor(first + ((last - first) * (turn + ((turn * 7) % 10) / 10)) / cuts);
      const dir = mkdtempSync(join(tmpdir(), "celeriac-cut-"));
      folders.push(dir);
      cpSync(server.dir, dir, { recursive: true });
      truncateSync(logIn(dir), cut);
      await using again = await startRedis({ appendonly: true, config: { dir } });
      const after = await openBackend(again.url);
      const before = answered.filter(({ size }) => size <= cut);
      const messages = await waiting(after);
      const results = await after.store.get(Array.from({ length: tasks }, (_, no) => `m${String(no)}`));
      const stored = results.flatMap((outcome) => (outcome?.state === "SUCCESS" ? [outcome.id] : []));
      // What was being written at the cut may be there whole, if nothing but its answer was missing; nothing after it is.
      const of = (what: Answered["what"], some = answered): string[] =>
        some.filter((one) => one.what === what).map(({ id }) => id);
      expect(messages).toEqual(of("message").slice(0, messages.length));
      expect(stored).toEqual(of("result").slice(0, stored.length));
      expect(messages.length).toBeGreaterThanOrEqual(of("message", before).length);
      expect(stored.length).toBeGreaterThanOrEqual(of("result", before).length);
      const more = messages.length + stored.length - before.length;
      expect([more === 0 || more === 1, cut]).toEqual([true, cut]);
      const repeated = `m${String(tasks - 1)}`;
      const anew = outgoing("q", repeated, { dedupe: { id: repeated, nonce: "later", window: 60_000 } });
      expect(await after.broker.publish([anew], never)).toEqual([
        { kind: messages.includes(repeated) ? "duplicate" : "accepted" },
      ]);
      await after.close();
    }
  });
});
