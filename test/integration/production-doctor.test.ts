/** `celeriac doctor --production` before servers that are set up well and badly: each setting is broken once, and its line says so. */

import { mkdtemp, rm } from "node:fs/promises";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diagnose, type DiagnosisFlags, type Finding } from "../../src/cli/diagnosis.ts";
import { dashboardChecks } from "../../src/cli/production/dashboard-check.ts";
import { openFiles } from "../../src/cli/production/machine.ts";
import { settingChecks } from "../../src/cli/production/settings.ts";
import { transportChecks } from "../../src/cli/production/transport.ts";
import { systemClock } from "../../src/clock/clock.ts";
import { resolveConfig } from "../../src/app/config.ts";
import { createApp } from "../../src/index.ts";
import { readPage } from "../docs/page.ts";
import { celeriac } from "../server/command-line.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { root } from "../source-tree.ts";

const look = (flags: DiagnosisFlags): Promise<readonly Finding[]> => diagnose({ ...flags, production: true });
/** Verdicts of a subject, the worst known by its text. */
const of = (findings: readonly Finding[], subject: string): readonly string[] =>
  findings.filter((finding) => finding.subject === subject).map(({ verdict, text }) => `${verdict} ${text}`);
const bad = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ verdict }) => verdict !== "ok").map(({ subject, verdict }) => `${verdict} ${subject}`);

describeWith("redis-server", "celeriac doctor --production on Redis", () => {
  test("has nothing against a server that is set up well, with two workers", async () => {
    await using redis = await startRedis({ appendonly: true, password: "long-and-secret", maxmemory: "200mb" });
    await using app = createApp({ name: "shop", broker: redis.url });
    app.task("shop.order", () => 1);
    const work = (name: string) => app.work({ name, pool: "inline" });
    await using _one = await work("one@suite");
    await using _two = await work("two@suite");
    const findings = await look({ broker: redis.url });
    // What this machine's kernel is set to and who runs the tests is not the server's affair, and a bare URL has no app that could set maxDepth.
    const left = findings.filter(({ text }) => !/overcommit|no maxDepth|runs as root/.test(text));
    expect(bad(left)).toEqual([]);
    expect(of(findings, "persistence")).toEqual([expect.stringMatching(/^ok append-only file, appendfsync everysec/)]);
    expect(of(findings, "eviction")).toEqual([expect.stringMatching(/^ok maxmemory-policy noeviction/)]);
    expect(of(findings, "memory")).toContainEqual(expect.stringMatching(/^ok \d+ MiB of 200 MiB in use/));
    expect(of(findings, "password")).toContainEqual("ok the server lets nobody in without a login");
    expect(of(findings, "workers")).toEqual(["ok 2 answer: one@suite, two@suite"]);
    expect(of(findings, "disk")).toEqual([expect.stringMatching(/free where the server keeps its files/)]);
    expect(JSON.stringify(findings)).not.toContain("long-and-secret");
  });

  test("says all that is wrong with one that is not, with the remedy, and fails", async () => {
    const config = {
      "maxmemory-policy": "allkeys-lru",
      maxclients: "32",
      timeout: "10",
      "tcp-keepalive": "0",
    };
    await using redis = await startRedis({ config, maxmemory: "3mb" });
    await using app = createApp({ name: "shop", broker: redis.url, allowEviction: true });
    await app.task("shop.order", () => 1).delay();
    const told = await celeriac(["doctor", "--production", "--json", "--broker", redis.url]);
    expect(told.code).toBe(1);
    const { ok, findings } = JSON.parse(told.stdout) as { readonly ok: boolean; readonly findings: readonly Finding[] };
    expect(ok).toBe(false);
    expect(of(findings, "persistence")).toEqual([
      expect.stringMatching(/^failed neither an append-only file nor snapsh/),
    ]);
    expect(of(findings, "eviction")).toEqual([expect.stringMatching(/^failed maxmemory-policy allkeys-lru/)]);
    expect(of(findings, "timeouts")).toEqual([
      expect.stringMatching(/^warning timeout 10: /),
      expect.stringMatching(/^warning tcp-keepalive 0: /),
    ]);
    for (const { verdict, remedy, help } of findings.filter(({ help }) => help !== undefined))
      expect([verdict === "ok", remedy === undefined, help]).toEqual([
        verdict === "ok",
        verdict === "ok",
        expect.any(String),
      ]);
  });

  test("goes on where the server is full and takes nothing, not even a question", async () => {
    await using redis = await startRedis({ appendonly: true, maxmemory: "600kb" });
    const findings = await look({ broker: redis.url });
    expect(of(findings, "memory")).toContainEqual(expect.stringMatching(/^failed .*: new tasks are refused$/));
    expect(of(findings, "workers")).toEqual([expect.stringMatching(/^failed .*OOM/)]);
    expect(of(findings, "dashboard")).toHaveLength(1);
  });

  test("knows half measures, and what it was not let look at", async () => {
    await using redis = await startRedis({
      password: "admin",
      config: { save: "900 1", "maxmemory-policy": "volatile-lru" },
    });
    await redis.cli("ACL", "SETUSER", "shop", "on", ">secret", "~*", "&*", "+@all", "-config", "-acl");
    const broker = redis.url.replace("//:admin@", "//shop:secret@");
    // Between the two marks, with room for what the doctor's own connections take.
    await redis.cli("SETRANGE", "ballast", String(30 * 2 ** 20), "x");
    const used = Number(/used_memory:(\d+)/.exec(await redis.cli("INFO", "memory"))?.[1]);
    await redis.cli("CONFIG", "SET", "maxmemory", String(Math.round(used / 0.85)));
    const findings = await look({ broker });
    expect(of(findings, "persistence")).toEqual([expect.stringMatching(/^warning no append-only file/)]);
    expect(of(findings, "eviction")).toEqual([expect.stringMatching(/^warning maxmemory-policy volatile-lru/)]);
    expect(of(findings, "timeouts")).toEqual([expect.stringMatching(/^warning this login may not read/)]);
    expect(of(findings, "memory")).toContainEqual(expect.stringMatching(/^warning \d+ MiB of \d+ MiB in use/));
    expect(of(findings, "workers")).toEqual(["warning no worker answers; nothing waits"]);
    expect(of(findings, "disk")).toEqual([]);
  });
});

describe("celeriac doctor --production", () => {
  let folder: string;
  let server: Server;
  let answer = 401;
  let dashboard: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "celeriac-doctor-"));
    server = createServer((_request, response) => void response.writeHead(answer).end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    dashboard = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/admin`;
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("looks at an SQLite file: what it keeps, who may read it, and whether there is room", async () => {
    const path = join(folder, "queue.db");
    const good = await look({ broker: `sqlite:${path}` });
    expect(of(good, "persistence")).toEqual([expect.stringMatching(/^ok durability=power/)]);
    expect(of(good, "password")).toEqual([expect.stringMatching(/^ok .* has mode 600/)]);
    expect(of(good, "disk")).toHaveLength(1);
    chmodSync(path, statSync(path).mode | 0o044);
    const loose = await look({ broker: `sqlite:${path}?durability=process` });
    expect(of(loose, "persistence")).toEqual([expect.stringMatching(/^warning durability=process/)]);
    expect(of(loose, "password")).toEqual([expect.stringMatching(/^warning .* has mode 644/)]);
  });

  test("does not take memory for a place to keep tasks", async () => {
    expect(of(await look({ broker: "memory:" }), "persistence")).toEqual([expect.stringMatching(/^failed memory: /)]);
  });

  test("tries a dashboard as a stranger would", async () => {
    const verdictsOf = async (url: string): Promise<readonly string[]> =>
      (await dashboardChecks(url, systemClock)).map(({ verdict, text }) => `${verdict} ${text}`);
    const tried = async (status: number): Promise<readonly string[]> => {
      answer = status;
      return verdictsOf(dashboard);
    };
    expect(await tried(401)).toEqual([expect.stringMatching(/^ok .* lets no stranger in/)]);
    expect(await tried(302)).toEqual([expect.stringMatching(/^ok .* sends strangers to a login/)]);
    expect(await tried(200)).toEqual([expect.stringMatching(/^warning .* shows everything/)]);
    expect(await tried(404)).toEqual([expect.stringMatching(/^failed .* there is no dashboard/)]);
    expect(await verdictsOf("http://127.0.0.1:1")).toEqual([expect.stringMatching(/^failed .* does not answer/)]);
  });

  test.each([
    ["redis://127.0.0.1/0", ["ok tls"]],
    ["redis://:secret@cache.example/0", ["warning tls", "ok password"]],
    ["redis://cache.example/0", ["warning tls", "failed password"]],
    ["rediss://:secret@cache.example/0", ["ok tls", "ok password"]],
    ["rediss://:secret@cache.example/0?ssl_cert_reqs=none", ["failed tls", "ok password"]],
    ["sentinel://127.0.0.1:26379?hosts=two.example:26379&master=main", ["warning tls", "failed password"]],
    ["amqp://127.0.0.1", ["ok tls", "warning password"]],
    ["amqp://guest:guest@mq.example", ["warning tls", "failed password"]],
    ["amqps://shop:secret@mq.example", ["ok tls", "ok password"]],
    ["amqps://shop:secret@mq.example?verify=false", ["failed tls", "ok password"]],
    ["sqlite:queue.db", []],
  ])("knows the way to %s", (url, expected) => {
    const checks = transportChecks(new URL(url));
    expect(checks.map(({ verdict, topic }) => `${verdict} ${topic}`)).toEqual(expected);
    expect(JSON.stringify(checks)).not.toContain("secret");
  });

  test("knows what the app is set to", () => {
    const verdicts = (options: Parameters<typeof resolveConfig>[0]): readonly string[] =>
      settingChecks(resolveConfig(options)).map(({ verdict, topic }) => `${verdict} ${topic}`);
    const broker = "redis://127.0.0.1";
    expect(verdicts({ broker, maxDepth: 1000 })).toEqual(["ok results", "ok memory", "ok signing"]);
    expect(verdicts({ broker: "sqlite:q.db?maxSize=1gb" })).toEqual(["ok results", "ok memory", "ok signing"]);
    expect(verdicts({ broker: "sqlite:q.db" })[1]).toBe("warning memory");
    expect(verdicts({ broker, resultTtl: "10s" })).toEqual(["warning results", "warning memory", "ok signing"]);
    expect(verdicts({ broker, resultTtl: "90d" })[0]).toBe("warning results");
    expect(verdicts({ broker: "amqp://mq" })[1]).toBe("warning timeouts");
    expect(verdicts({ broker: "amqp://mq", results: broker })[1]).toBe("ok timeouts");
  });

  test("knows how many files may be open", () => {
    const verdict = (most: string): string | undefined =>
      openFiles(`Max open files            ${most}                 ${most}                 files\n`)[0]?.verdict;
    expect([verdict("64"), verdict("1024"), verdict("65536"), verdict("unlimited")]).toEqual([
      "failed",
      "warning",
      "ok",
      "ok",
    ]);
    expect(openFiles("")).toEqual([]);
  });

  test("has a section of its page for each topic, and the page has no other", () => {
    const [, union = ""] =
      /export type Topic =([^;]+);/.exec(readFileSync(join(root, "src/port/check.ts"), "utf8")) ?? [];
    const topics = [...union.matchAll(/"([\w-]+)"/g)].map(([, topic = ""]) => topic);
    const [, list = ""] = /^## The checklist\n([^]*?)\n## /m.exec(readPage("docs/production.md").text) ?? [];
    const sections = [...list.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title);
    expect(sections.toSorted()).toEqual(topics.toSorted());
    const rows = [...list.matchAll(/^\| \[`([\w-]+)`\]\(#([\w-]+)\) \|/gm)].map(
      ([, name, anchor]) => `${name} ${anchor}`,
    );
    expect(rows.toSorted()).toEqual(topics.map((topic) => `${topic} ${topic}`).toSorted());
  });
});
