/** Opening a file: what it looks like afterwards, and which files are refused untouched. */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, describe, expect, it } from "vitest";

import type { Delivery } from "../../port/broker.ts";
import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";
import { filesystemName } from "./host.ts";

const bench = new Bench();
afterEach(() => bench.clear());

const coded = (code: string): unknown => expect.objectContaining({ code });

function query(path: string, sql: string): unknown[] {
  const db = new DatabaseSync(path);
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row)[0]);
  } finally {
    db.close();
  }
}

describe("a new file", () => {
  it("is marked as ours, in WAL mode, able to shrink", async () => {
    const path = bench.file();
    expect(await (await bench.open(path)).broker.publish([outgoing("q", "a")], never)).toEqual([{ kind: "accepted" }]);
    expect(query(path, "PRAGMA application_id")).toEqual([0x636c7263]);
    expect(query(path, "PRAGMA user_version")).toEqual([1]);
    expect(query(path, "PRAGMA auto_vacuum")).toEqual([2]);
    expect(query(path, "PRAGMA journal_mode")).toEqual(["wal"]);
    expect(query(path, "PRAGMA integrity_check")).toEqual(["ok"]);
  });

  it("is its owner's alone, whatever the umask, and so is all that lies beside it", async () => {
    const former = process.umask(0);
    try {
      const path = bench.file();
      const backend = await bench.open(path);
      await backend.broker.consume({ ...consuming, queues: ["q"] }, () => {});
      await backend.broker.publish([outgoing("q", "a")], never);
      const folder = dirname(path);
      const files = readdirSync(folder).filter((name) => name.startsWith(basename(path)));
      expect(files.length).toBeGreaterThan(2);
      for (const name of files) expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    } finally {
      process.umask(former);
    }
  });

  it("keeps the mode that somebody gave it, and gives it to what lies beside it", async () => {
    const path = bench.file();
    writeFileSync(path, "");
    chmodSync(path, 0o660);
    const backend = await bench.open(path);
    await backend.broker.consume({ ...consuming, queues: ["q"] }, () => {});
    const folder = dirname(path);
    // The ballast is zeros.
    for (const name of readdirSync(folder).filter((each) => !each.endsWith("-ballast")))
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o660]);
  });

  it("is not made behind a link that leads nowhere", async () => {
    const path = bench.file();
    const target = `${path}.elsewhere`;
    symlinkSync(target, path);
    await expect(bench.open(path)).rejects.toEqual(coded("DATABASE_FOREIGN"));
    expect(existsSync(target)).toBe(false);
  });

  it("can be opened by ten at once", async () => {
    const path = bench.file();
    const backends = await Promise.all(Array.from({ length: 10 }, () => bench.open(path)));
    await Promise.all(backends.map((backend, index) => backend.broker.publish([outgoing("q", `${index}`)], never)));
    const [state] = (await backends[0]?.broker.queues.list()) ?? [];
    expect(state?.ready).toEqual([{ priority: 0, count: 10 }]);
  });

  it("leaves nothing but the database behind after closing", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    await backend.broker.consume({ ...consuming, queues: ["q"] }, () => {});
    await backend.bus.listen(
      { kind: "event", type: "#" },
      () => {},
      () => {},
    );
    await backend.close();
    await backend.close();
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["queue.db", "queue.db-ballast", "queue.db-bus"]);
    expect(query(path, "SELECT count(*) FROM celeriac_process")).toEqual([0]);
    expect(query(path, "SELECT count(*) FROM celeriac_idle")).toEqual([0]);
  });

  it("is found through a symbolic link under its real name", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    const link = join(bench.directory(), "link.db");
    symlinkSync(path, link);
    await backend.broker.publish([outgoing("q", "a")], never);
    const other = await bench.open(link);
    expect(await other.broker.queues.find("q", "a")).toMatchObject({ state: "ready" });
  });
});

describe("refuses", () => {
  it("a database of another program, and leaves it as it was", async () => {
    const path = bench.file();
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE bookmarks (url TEXT)");
    db.close();
    const before = readFileSync(path);
    await expect(bench.open(path)).rejects.toEqual(coded("DATABASE_FOREIGN"));
    expect(readFileSync(path).equals(before)).toBe(true);
    const embedded = await bench.open(path, "?embed");
    await embedded.broker.publish([outgoing("q", "a")], never);
    expect(query(path, "PRAGMA user_version")).toEqual([0]);
    expect(query(path, "SELECT count(*) FROM bookmarks")).toEqual([0]);
    await expect(bench.open(path)).resolves.toBeDefined();
  });

  it("a file that is no database, and a directory", async () => {
    const path = bench.file();
    writeFileSync(path, "a photograph of a celeriac, surely more than a hundred bytes long. ".repeat(20));
    await expect(bench.open(path)).rejects.toEqual(coded("DATABASE_FOREIGN"));
    const directory = bench.file();
    mkdirSync(directory);
    await expect(bench.open(directory)).rejects.toEqual(coded("DATABASE_FOREIGN"));
  });

  it("a damaged database", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    await backend.broker.publish([outgoing("q", "a")], never);
    await backend.close();
    const bytes = readFileSync(path);
    bytes.fill(0xee, 100, 4096);
    writeFileSync(path, bytes);
    await expect(bench.open(path)).rejects.toEqual(coded("DATABASE_CORRUPT"));
  });

  it("a schema that is newer", async () => {
    const path = bench.file();
    await (await bench.open(path)).close();
    query(path, "UPDATE celeriac_meta SET value = 99 WHERE key = 'schema' RETURNING value");
    await expect(bench.open(path)).rejects.toEqual(coded("DATABASE_VERSION"));
  });

  it("a directory that does not exist", async () => {
    await expect(bench.open(join(bench.directory(), "missing", "queue.db"))).rejects.toEqual(
      coded("BACKEND_UNREACHABLE"),
    );
  });

  it("to be used before it is open, after it is closed, or when opening failed", async () => {
    const backend = bench.make(bench.file());
    await expect(backend.broker.publish([outgoing("q", "a")], never)).rejects.toEqual(coded("BACKEND_CLOSED"));
    await backend.open(never);
    await backend.close();
    await expect(backend.broker.publish([outgoing("q", "a")], never)).rejects.toEqual(coded("BACKEND_CLOSED"));
    await expect(backend.open(never)).rejects.toEqual(coded("BACKEND_CLOSED"));
    const failing = bench.make(join(bench.directory(), "missing", "queue.db"));
    await expect(failing.open(never)).rejects.toEqual(coded("BACKEND_UNREACHABLE"));
    await expect(failing.store.get(["a"])).rejects.toEqual(coded("BACKEND_UNREACHABLE"));
    await failing.close();
  });

  it("network file systems, by the number that statfs gives", () => {
    expect(filesystemName(0x6969)).toBe("NFS");
    expect(filesystemName(-11317950)).toBe("CIFS");
    expect(filesystemName(0xef53)).toBeUndefined();
  });
});

const root = process.getuid?.() === 0;
if (!root) console.warn("not root: the tests on a full and on a read-only file system are skipped");

describe.runIf(root)("on a small file system", () => {
  const mounts: string[] = [];
  const mount = (size: string): string => {
    const directory = bench.directory();
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
    mounts.push(directory);
    return directory;
  };
  afterEach(async () => {
    await bench.clear().catch(() => {});
    for (const directory of mounts.splice(0)) execFileSync("umount", ["-l", directory]);
  });

  it("that is read-only, it says so", async () => {
    const directory = mount("20m");
    await (await bench.open(join(directory, "queue.db"))).close();
    execFileSync("mount", ["-o", "remount,ro", directory]);
    await expect(bench.open(join(directory, "queue.db"))).rejects.toEqual(coded("DATABASE_READ_ONLY"));
    await expect(bench.open(join(directory, "other.db"))).rejects.toEqual(coded("DATABASE_READ_ONLY"));
  });

  it("that fills up: publishing is refused, what was accepted is still finished", async () => {
    const directory = mount("24m");
    const backend = await bench.open(join(directory, "queue.db"));
    expect(existsSync(join(directory, "queue.db-ballast"))).toBe(true);
    const large = JSON.stringify([["x".repeat(200_000)], {}, {}]);
    let accepted = 0;
    const fill = async (): Promise<void> => {
      for (; accepted < 1_000; accepted++) await backend.broker.publish([outgoing("q", `${accepted}`, large)], never);
    };
    await expect(fill()).rejects.toEqual(coded("DATABASE_FULL"));
    expect(accepted).toBeGreaterThan(10);
    await expect(backend.broker.publish([outgoing("q", "late")], never)).rejects.toEqual(coded("DATABASE_FULL"));
    const done: string[] = [];

    const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (deliveries) => {
      void consumer
        .settle(
          deliveries.map((delivery) => ({
            delivery,
            then: { kind: "ack" },
            result: {
              id: idOf(delivery),
              state: "SUCCESS",
              final: true,
              fence: delivery.fence,
              meta: Buffer.from("{}"),
              ttl: undefined,
            },
          })),
        )
        .then((answers) => void done.push(...answers.map(({ kind }) => kind)));
    });
    consumer.want(2, 2);
    await until("all that was accepted to be settled", () => done.length >= accepted);
    expect(done).toEqual(Array.from({ length: accepted }, () => "settled"));
  });

  it("whose ballast is gone: settlements wait, and go through when there is room", async () => {
    const directory = mount("24m");
    const backend = await bench.open(join(directory, "queue.db"));
    await backend.broker.publish([outgoing("q", "a")], never);

    const answers: string[] = [];
    const held: Delivery[] = [];
    const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void held.push(...batch));
    consumer.want(1, 1);
    await until("the delivery", () => held.length === 1);
    const [delivery] = held;
    if (delivery === undefined) throw new Error("no delivery");
    execFileSync(
      "sh",
      [
        "-c",
        "rm -f queue.db-ballast; dd if=/dev/zero of=filler bs=64k 2>/dev/null; dd if=/dev/zero of=filler2 bs=1k 2>/dev/null; true",
      ],
      {
        cwd: directory,
      },
    );
    const meta = Buffer.alloc(3_000_000, "x");
    const result = { id: "a", state: "SUCCESS", final: true, fence: delivery.fence, meta, ttl: undefined };
    const settling = consumer
      .settle([{ delivery, then: { kind: "ack" }, result }])
      .then(([answer]) => void answers.push(answer?.kind ?? ""));
    await expect(backend.broker.publish([outgoing("q", "b", "x".repeat(100_000))], never)).rejects.toEqual(
      coded("DATABASE_FULL"),
    );
    expect(answers).toEqual([]);
    execFileSync("rm", ["-f", "filler", "filler2"], { cwd: directory });
    await settling;
    expect(answers).toEqual(["settled"]);
    expect((await backend.store.get(["a"]))[0]?.meta.length).toBe(3_000_000);
  });
});
