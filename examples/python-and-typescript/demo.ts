/** The demo itself: starts both workers, lets each language call the other, and measures. Its numbers are those of the answers that came. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { WorkerEvent } from "celeriac";
import { makeApi } from "./api.ts";
import { app } from "./app.ts";
import { type ClientReport, type Python, runClient, startWorker } from "./python.ts";
import { score } from "./python-tasks.ts";
import { file } from "./tasks.ts";

/** One way over the border. */
export interface Passage {
  readonly way: string;
  readonly calls: number;
  /** Answers that are right. */
  readonly right: number;
  readonly seconds: number;
}
export interface Report {
  readonly celery: string;
  readonly passages: readonly Passage[];
  /** What a caller of either side sees of an error of the other. */
  readonly errors: { readonly inTypeScript: string; readonly inPython: string };
  readonly ok: boolean;
}

const openings = ["The service was", "Delivery is", "I think the food is", "Their answer was"];
const verdicts = [
  ["great and fast", "good"],
  ["slow and rude", "bad"],
  ["broken", "bad"],
  ["fresh, kind, and it works", "good"],
  ["on the table", "neutral"],
] as const;

/** `say` hears what is done, when it is done. */
export async function runDemo(python: Python, count: number, say: (text: string) => void): Promise<Report> {
  await using stack = new AsyncDisposableStack();
  stack.defer(() => app.close());
  const heard: WorkerEvent[] = [];
  const worker = await app.work({ processes: 1, onEvent: (event) => void heard.push(event) });
  stack.defer(() => worker.stop());
  say("TypeScript worker: ready");
  stack.use(await startWorker(python, "python@example"));
  say("Python worker: ready");
  const server = makeApi().listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(async () => {
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;

  const api = await scoreByApi(`http://127.0.0.1:${port}/score`, count);
  say(`TypeScript has called Python ${count} times`);
  const client = await runClient(python, count);
  say(`Python has called TypeScript ${count} times`);
  const handed = await handOver(heard);
  say("and a result went on from Python to TypeScript by itself");

  const passages = [api.passage, clientPassage(client), handed];
  const { caught } = client;
  const inPython = caught === null ? "nothing" : `${caught.module}.${caught.type}: ${caught.text}`;
  const ok =
    passages.every(({ calls, right }) => calls === right) &&
    /EmptyText/.test(api.refusal) &&
    /EmptyPage/.test(inPython);
  return { celery: client.celery, passages, errors: { inTypeScript: api.refusal, inPython }, ok };
}

/** TypeScript calls Python, through an HTTP API; the last text is one that the model refuses. */
async function scoreByApi(
  url: string,
  count: number,
): Promise<{ readonly passage: Passage; readonly refusal: string }> {
  const post = (body: string): Promise<Response> => fetch(url, { method: "POST", body });
  const texts = Array.from({ length: count }, (_, index) => {
    const [end, label] = verdicts[index % verdicts.length] ?? verdicts[0];
    return { text: `${openings[index % openings.length] ?? ""} ${end}.`, label };
  });
  const began = performance.now();
  const answers = await Promise.all(
    texts.map(async ({ text, label }) => {
      const answer = await post(text);
      return answer.ok && ((await answer.json()) as { label: string }).label === label;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const refused = await post("...");
  const { type, module, args } = (await refused.json()) as { type: string; module: string; args: unknown[] };
  return {
    passage: { way: "TypeScript API → Python", calls: count, right: answers.filter(Boolean).length, seconds },
    refusal: `${String(refused.status)} ${module}.${type}: ${args.join()}`,
  };
}

function clientPassage({ pages, texts, seconds }: ClientReport): Passage {
  const right = texts.filter((text, index) => text === `Page ${index}: fresh & fast`).length;
  return { way: "Python client → TypeScript", calls: pages.length, right, seconds };
}

/** TypeScript calls Python, whose worker sends the result on to a TypeScript task; nobody waits in between. */
async function handOver(heard: readonly WorkerEvent[]): Promise<Passage> {
  const id = crypto.randomUUID();
  const began = performance.now();
  await score.enqueue(["a great, great day", 2], { link: file.s().set({ id }) });
  const late = AbortSignal.timeout(90_000);
  while (!heard.some((event) => event.id === id && event.type === "task:succeeded")) {
    late.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const filed = heard.some((event) => event.id === id && event.text === 'filed under "good": great');
  const seconds = (performance.now() - began) / 1000;
  return { way: "TypeScript → Python → TypeScript", calls: 1, right: Number(filed), seconds };
}
