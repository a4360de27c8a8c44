/** `npm run audit` tells a vulnerability from a registry that does not say. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { root, run } from "../scripts/process.ts";

const servers = new Set<ReturnType<typeof createServer>>();
afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});

async function audit(status: number, body: unknown): Promise<{ readonly code: number; readonly text: string }> {
  const server = createServer((request, response) => {
    request.resume();
    const answers = request.url?.includes("/advisories/bulk") === true ? status : 404;
    response.writeHead(answers, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  servers.add(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return ask((server.address() as AddressInfo).port);
}

function ask(port: number): Promise<{ readonly code: number; readonly text: string }> {
  const env = {
    npm_config_registry: `http://127.0.0.1:${String(port)}/`,
    npm_config_cache: `${root}/node_modules/.cache/audit`,
  };
  return run(process.execPath, ["scripts/audit.ts"], { env, output: "keep" });
}

/** An id of its own for each: npm keeps what it knows of an advisory. */
const advisory = (severity: string): unknown => ({
  commander: [
    { id: severity.length, url: "https://example.test/1", title: "bad", severity, vulnerable_versions: ">=0", cwe: [] },
  ],
});

test("fails on a vulnerability that is high or critical", async () => {
  const { code, text } = await audit(200, advisory("high"));
  expect([code, text]).toEqual([1, expect.stringContaining("FAILED commander: a vulnerability, high")]);
});

test("passes without one, or with a lesser one", async () => {
  for (const body of [{}, advisory("moderate")])
    expect(await audit(200, body)).toEqual({ code: 0, text: "\n1 passed, 0 failed, 0 skipped\n" });
});

test("skips, and says so, where the registry answers no such question or is away", async () => {
  const { code, text } = await audit(405, {});
  expect([code, text]).toEqual([0, expect.stringContaining("SKIPPED: the registry answered 405")]);
  // Nothing listens at port 1.
  const away = await ask(1);
  expect([away.code, away.text]).toEqual([0, expect.stringContaining("SKIPPED: the registry could not be reached")]);
});

test("fails on an answer that is no report", async () => {
  const { code, text } = await audit(418, {});
  expect([code, text]).toEqual([1, expect.stringContaining("0 passed, 1 failed, 0 skipped")]);
});
