/** What every server is asked, over HTTP, as a client of it would. */

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerProcess } from "../harness/server-process.ts";
import type { Taken } from "./orders.ts";

export interface Asked {
  readonly server: ServerProcess;
  /** No other server's. */
  readonly number: number;
  readonly journal: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

interface TaskAnswer {
  readonly status: number;
  readonly body: { readonly state?: string; readonly result?: unknown; readonly error?: unknown };
}

/** Longest wait for what a worker or the server does in a moment, ms. */
const patience = 90_000;
/** Packing them lasts for a second: long enough to be asked about on a busy machine. */
const items = 8;

/** By question: was it as it should be? The server has ended afterwards. */
export async function ask(asked: Asked): Promise<Readonly<Record<string, boolean>>> {
  const { server, number, signal } = asked;
  const posted = await post(asked, { number, items });
  const taken = (await posted.json()) as Taken;
  const running = await task(asked, taken.id);
  const frames = await events(asked, taken.id);
  const done = await task(asked, taken.id);
  const receipt = await finalOf(asked, taken.receipt);
  const nonsense = await post(asked, { number: "seven" });
  await nonsense.body?.cancel();
  const unknown = await task(asked, "00000000-0000-4000-8000-000000000000");
  const result = { number, packed: items };
  const answers = {
    "POST answers 202 with the task's address":
      posted.status === 202 && posted.headers.get("location") === `/tasks/${taken.id}`,
    "GET answers 202 while it runs": running.status === 202,
    "events tell its progress, and the result last":
      frames.some(({ state }) => state === "PROGRESS") && frames.at(-1)?.state === "SUCCESS",
    "GET answers 200 with the result": done.status === 200 && same(done.body.result, result),
    "background.add ran after the response": await journalHas(asked, number),
    "background.durable ran in the server": same(receipt.body.result, { number, pid: server.pid }),
    "nonsense is answered with 400": nonsense.status === 400,
    "an unknown id is answered with 404": unknown.status === 404 && unknown.body.error === "TASK_UNKNOWN",
    "the dashboard is for who may see it": await dashboardAnswers(asked),
  };
  // A client that listens, and work that has not begun: closing ends the one and waits for the other.
  const last = (await (await post(asked, { number: number + 1, items: 10 })).json()) as Taken;
  const stream = await fetch(`${server.base}/tasks/${last.id}/events`, { signal });
  const [ended] = await Promise.all([server.end(), stream.text().catch(() => "")]);
  return {
    ...answers,
    "SIGTERM ends streams and waits for background.add": ended && (await journal(asked)).includes(String(number + 1)),
  };
}

function post({ server, signal }: Asked, body: object): Promise<Response> {
  return fetch(`${server.base}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

async function task({ server, signal }: Asked, id: string): Promise<TaskAnswer> {
  const answer = await fetch(`${server.base}/tasks/${id}`, { signal });
  return { status: answer.status, body: (await answer.json()) as TaskAnswer["body"] };
}

async function finalOf(asked: Asked, id: string): Promise<TaskAnswer> {
  for (const late = performance.now() + patience; ;) {
    const answer = await task(asked, id);
    if (answer.status !== 202 || performance.now() > late) return answer;
    await sleep(20, undefined, { signal: asked.signal });
  }
}

/** Until the server ends the stream, which it does after the result. */
async function events({ server, signal }: Asked, id: string): Promise<readonly { readonly state: string }[]> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  const text = await (await fetch(`${server.base}/tasks/${id}/events`, { signal: over })).text();
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => JSON.parse(data) as { readonly state: string });
}

async function dashboardAnswers({ server, token, signal }: Asked): Promise<boolean> {
  const see = (path: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(new URL(path, `${server.base}/celeriac/`), { headers, signal });
  const ops = { authorization: `Bearer ${token}` };
  const stranger = await see("", { accept: "text/html" });
  await stranger.body?.cancel();
  const page = await see("", { accept: "text/html", ...ops });
  const script = /<script[^>]*\ssrc="([^"]+)"/.exec(await page.text())?.[1];
  if (stranger.status !== 401 || !page.ok || script === undefined) return false;
  const [loaded, counts] = await Promise.all([see(script, ops), see("api/tasks/counts", ops)]);
  const [text] = await Promise.all([loaded.text(), counts.body?.cancel()]);
  // Read, for what is packed twice is found as well.
  return loaded.ok && text.includes("import") && counts.ok && new URL(loaded.url).pathname.startsWith("/celeriac/");
}

async function journalHas(asked: Asked, number: number): Promise<boolean> {
  for (const late = performance.now() + patience; performance.now() < late;) {
    if ((await journal(asked)).includes(String(number))) return true;
    await sleep(20, undefined, { signal: asked.signal });
  }
  return false;
}

async function journal({ journal: path }: Asked): Promise<readonly string[]> {
  return (await readFile(path, "utf8").catch(() => "")).split("\n");
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
