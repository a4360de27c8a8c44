/** A trace that passes through Python's Celery: with its OpenTelemetry instrumentation, and without. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { context, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chain, type RemoteTask } from "../../src/index.ts";
import { releaseNames, releases } from "../interop/release.ts";
import { startCelery } from "../server/celery-worker.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith, type Need } from "../server/required-program.ts";
import type { KeptSpan } from "./tracing/sdk.ts";

const python = fileURLToPath(new URL("./tracing/python/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "celeriac-tracing-"));
const file = join(folder, "spans.jsonl");
const soon = { timeout: "60s" } as const;
const tracer = trace.getTracer("a web app");
const newest = releases["5.6"];
const look = ["-c", "import opentelemetry.instrumentation.celery"];
const instrumentation: Need = {
  program: "OpenTelemetry for Celery",
  install: "npm run interop:celery",
  get available() {
    return newest.available && spawnSync(newest.interpreter, look).status === 0;
  },
};

describeWith("redis-server", "a trace through Python", () => {
  let redis: RedisServer;
  let ours: typeof import("./tracing/app.ts");
  let hop: RemoteTask<[n: number], number>;
  let send: RemoteTask<[n: number], string>;
  beforeAll(async () => {
    redis = await startRedis();
    process.env["TRACE_FILE"] = file;
    process.env["TRACE_BROKER"] = redis.url;
    ours = await import("./tracing/app.ts");
    hop = ours.app.remote<(n: number) => number>("py.hop", { queue: "py" });
    send = ours.app.remote<(n: number) => string>("py.send", { queue: "py" });
  });
  afterAll(async () => {
    await ours.app.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Our spans and Python's, of one trace. */
  async function traced(call: () => Promise<unknown>, others?: string): Promise<(name: string) => KeptSpan> {
    const request = tracer.startSpan("request");
    const { traceId } = request.spanContext();
    {
      await using _worker = await ours.app.work({ pool: "inline", concurrency: 4 });
      await context.with(trace.setSpan(context.active(), request), call);
    }
    request.end();
    await ours.flush();
    const lines = [file, others].flatMap((path) =>
      path !== undefined && existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [],
    );
    const spans = lines.map((line) => JSON.parse(line) as KeptSpan).filter((span) => span.trace === traceId);
    return (name) => {
      const [found, ...more] = spans.filter((span) => span.name === name);
      if (found === undefined || more.length > 0) throw new Error(`${name}: ${JSON.stringify(spans, null, 1)}`);
      return found;
    };
  }

  for (const name of releaseNames) {
    const release = releases[name];
    describeNeeding(release, `Celery ${name}, not instrumented`, () => {
      test("goes on after it, from where the workflow was started", async () => {
        const env = { TRACE_BROKER: redis.url };
        await using _python = await startCelery({ release, folder: python, app: "traced", name: "w@plain", env });
        const one = await traced(async () => {
          await (await ours.app.delay(chain(ours.leaf.si(1), hop.s(), ours.look.s()))).get(soon);
        });
        expect(one("process leaf").parent).toBe(one("send celery.chain").id);
        expect(one("process look").parent).toBe(one("send celery.chain").id);
      });
    });
  }

  describeNeeding(instrumentation, "Celery 5.6, instrumented", () => {
    const others = join(folder, "python.jsonl");
    let worker: AsyncDisposable;
    beforeAll(async () => {
      const env = { TRACE_BROKER: redis.url, SPANS: others };
      worker = await startCelery({ release: newest, folder: python, app: "traced", name: "w@traced", env });
    });
    afterAll(() => worker[Symbol.asyncDispose]());

    describe("has its spans where they belong", () => {
      test("as a step between ours", async () => {
        const one = await traced(async () => {
          await (await ours.app.delay(chain(ours.leaf.si(1), hop.s(), ours.look.s()))).get(soon);
        }, others);
        expect(one("run/py.hop").parent).toBe(one("process leaf").id);
        expect(one("apply_async/look").parent).toBe(one("run/py.hop").id);
        expect(one("process look").parent).toBe(one("apply_async/look").id);
      });

      test("as what we call, and as what calls us", async () => {
        const one = await traced(async () => {
          const id = await (await send.delay(1)).get(soon);
          await ours.app.result(id).get(soon);
        }, others);
        expect(one("run/py.send").parent).toBe(one("send py.send").id);
        expect(one("apply_async/leaf").parent).toBe(one("run/py.send").id);
        expect(one("process leaf").parent).toBe(one("apply_async/leaf").id);
        // One name on both sides.
        expect(one("run/py.send").attributes["celery.task_name"]).toBe(
          one("send py.send").attributes["celery.task_name"],
        );
      });
    });
  });
});
