/** Errors of compiled code name the lines that somebody wrote, in every pool of `celeriac worker`. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createApp } from "../../src/index.ts";
import { WorkerProcess } from "../server/command-line.ts";

/** The types are gone from what is made of it, and every line below them has moved. */
const source = (index: string): string => `import { createApp } from ${JSON.stringify(index)};

interface Order {
  readonly id: number;
}
type Charge = (order: Order) => never;

export const app = createApp({ name: "compiled", broker: process.env["SOURCE_MAP_BROKER"] ?? "" });

const charge: Charge = (order) => {
  throw new RangeError(\`no order \${String(order.id)}\`);
};
app.task("charge", { retry: false }, charge);
`;
const place = /app\.ts:11:9\b/;

/** As a compiler leaves it: a file and its map beside it. */
async function compile(folder: string): Promise<string> {
  const text = source(new URL("../../src/index.ts", import.meta.url).href);
  const made = stripTypeScriptTypes(text, { mode: "transform", sourceMap: true, sourceUrl: "app.ts" });
  const [code = "", map = ""] = made.split("//# sourceMappingURL=data:application/json;base64,");
  const file = join(folder, "app.mjs");
  await writeFile(file, `${code}//# sourceMappingURL=app.mjs.map\n`);
  await writeFile(`${file}.map`, Buffer.from(map, "base64"));
  expect(code.split("\n").findIndex((line) => line.includes("throw new RangeError"))).not.toBe(10);
  return file;
}

test.for(["process", "thread", "inline"])("a stack in the %s pool is that of the source", async (pool) => {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-source-map-"));
  const broker = `sqlite:${join(folder, "queue.db")}`;
  const client = createApp({ name: "client", broker, publishTimeout: "60s" });
  try {
    const env = { SOURCE_MAP_BROKER: broker };
    await using worker = new WorkerProcess(
      ["-A", await compile(folder), "--pool", pool, "--env", "SOURCE_MAP_BROKER"],
      env,
    );
    await worker.line("worker.ready");
    const sent = await client.remote<(order: { id: number }) => never>("charge").delay({ id: 7 });
    const failed = (await sent.get({ timeout: "60s" }).catch((error: unknown) => error)) as { traceback?: string };
    expect(failed).toMatchObject({ code: "TASK_FAILED", type: "RangeError" });
    expect(failed.traceback).toMatch(place);
    expect(failed.traceback).not.toMatch(/app\.mjs:/);
  } finally {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
});
