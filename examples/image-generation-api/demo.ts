/** `npm run example image-generation-api`: the API, two workers with one "GPU" each, and a client that orders, watches, cancels and looks at what it got. */

import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { runDemo, type Stage, type Summary, untilInterrupted } from "../harness/demo.ts";
import { WorkerProcess } from "../harness/worker-process.ts";
import { Client, type Told } from "./client.ts";

interface Outcome extends Summary {
  readonly ordered: number;
  readonly pictures: number;
  readonly cancelled: number;
  /** Pictures in the making at once, at most: one on each worker. */
  readonly mostAtOnce: number;
  readonly perWorker: readonly number[];
  readonly events: number;
  readonly seconds: number;
}

interface Order {
  readonly id: string;
  readonly prompt: string;
  readonly heard: Told[];
}

/** The first two are one wish said twice; of the last two one is cancelled as it runs, one as it waits. */
const prompts = ["a coral reef at night", "a coral reef at night", "streets of a city in autumn", "moss in spring"];
const doomed = ["a river of lava", "cells of candy"];
const size = 160;
const steps = 16;

async function run(stage: Stage<Outcome>): Promise<Outcome> {
  const { signal, say } = stage;
  const folder = join(stage.folder, "pictures");
  await mkdir(folder);
  await using stack = new AsyncDisposableStack();
  const [{ app }, { makeApi }] = await Promise.all([import("./app.ts"), import("./api.ts")]);
  stack.defer(() => app.close());
  const server = await makeApi(app, folder);
  stack.defer(() => server.close());
  const base = await server.listen({ host: "127.0.0.1", port: stage.port ?? 0 });
  const workers = [1, 2].map(
    (number) =>
      new WorkerProcess({
        app: new URL("app.ts", import.meta.url),
        broker: stage.broker,
        name: `gpu-${String(number)}`,
        lease: "5s",
        // What a GPU can do at once.
        args: ["-c", "1"],
      }),
  );
  stack.defer(async () => void (await Promise.all(workers.map((worker) => worker.stop(8000)))));
  say(`page: ${base}/`);
  const client = new Client(base, signal);

  // Nobody works yet, so that everybody has a place in the line.
  const began = performance.now();
  const orders: Order[] = [];
  for (const prompt of [...prompts, ...doomed]) {
    const wish = prompt === doomed[0] ? { prompt, size, steps: 200 } : { prompt, seed: 7, size, steps };
    const accepted = await client.order(wish);
    orders.push({ id: accepted.id, prompt, heard: [accepted] });
    say(
      `202  ${accepted.id}  ${accepted.state}${accepted.position === undefined ? "" : ` as number ${accepted.position}`}  "${prompt}"`,
    );
  }
  const running = Promise.withResolvers<void>();
  const [runs, waits] = orders.slice(-2);
  if (runs === undefined || waits === undefined) throw new Error("nothing was ordered");
  const answers: number[] = [];
  answers.push(await client.cancel(waits.id));
  say(`cancelled while it waited: "${waits.prompt}"`);
  const ends = orders.map((order) =>
    client.follow(order.id, (told) => {
      order.heard.push(told);
      if (order === runs && (told.step ?? 0) >= 2) running.resolve();
    }),
  );
  await Promise.all(workers.map((worker) => worker.ready(signal)));
  await Promise.race([running.promise, Promise.all(ends)]);
  answers.push(await client.cancel(runs.id));
  say(`cancelled as it ran: "${runs.prompt}"`);
  await Promise.all(ends);
  const seconds = (performance.now() - began) / 1000;

  const summary = await judge(client, orders, seconds);
  const late = answers.filter((status) => status !== 202).map((status) => `a cancel was answered ${status}`);
  const problems = [...summary.problems, ...late];
  const outcome = { ...summary, problems, ok: problems.length === 0 };
  if (stage.stay) {
    stage.tell(outcome);
    say(`Order pictures of your own at ${base}/ until Ctrl-C, which ends everything and removes them.`);
    await untilInterrupted(signal);
  }
  return outcome;
}

/** Looks at everything that a client can see, and says what is not as promised. */
async function judge(client: Client, orders: readonly Order[], seconds: number): Promise<Outcome> {
  const problems: string[] = [];
  const made: { readonly from: number; readonly to: number; readonly pid: number }[] = [];
  const digests = new Map<string, string[]>();
  let cancelled = 0;
  for (const { id, prompt, heard } of orders) {
    const last = heard.at(-1);
    const isDoomed = doomed.includes(prompt);
    if (last?.state !== (isDoomed ? "cancelled" : "done")) problems.push(`"${prompt}" ended as ${String(last?.state)}`);
    if (isDoomed) cancelled++;
    if (rises(heard.flatMap(({ position }) => position ?? []))) problems.push(`"${prompt}" was moved back in the line`);
    if (rises(heard.flatMap(({ step }) => step ?? []).reverse())) problems.push(`"${prompt}" went back a step`);
    const file = await client.picture(id);
    if (isDoomed && file !== undefined) problems.push(`"${prompt}" was cancelled and has a picture`);
    if (isDoomed) continue;
    if (heard.filter(({ state }) => state === "running").length === 0) problems.push(`"${prompt}" told no progress`);
    const colours = file === undefined ? 0 : coloursOf(file);
    if (colours < 20) problems.push(`the picture of "${prompt}" has ${colours} colours`);
    if (last?.picture !== undefined) made.push(last.picture);
    const digest = createHash("sha256")
      .update(file ?? "")
      .digest("hex");
    digests.set(prompt, [...(digests.get(prompt) ?? []), digest]);
  }
  if (new Set(digests.get("a coral reef at night")).size !== 1) problems.push("the same order gave two pictures");
  if (digests.size !== new Set([...digests.values()].flat()).size)
    problems.push("different orders gave the same picture");
  const mostAtOnce = Math.max(
    ...made.map((one) => made.filter(({ from, to }) => from <= one.from && one.from < to).length),
  );
  const pids = [...new Set(made.map(({ pid }) => pid))];
  if (pids.length > 2) problems.push(`${pids.length} processes made pictures`);
  for (const pid of pids) {
    const own = made.filter((each) => each.pid === pid).sort((a, b) => a.from - b.from);
    if (own.some(({ from }, index) => from < (own[index - 1]?.to ?? 0))) problems.push("a worker did two at once");
  }
  return {
    ok: problems.length === 0,
    ordered: orders.length,
    pictures: made.length,
    cancelled,
    mostAtOnce,
    perWorker: pids.map((pid) => made.filter((each) => each.pid === pid).length),
    events: orders.reduce((sum, { heard }) => sum + heard.length - 1, 0),
    seconds: Math.round(seconds * 100) / 100,
    problems,
  };
}

/** True if a number is greater than the one before it. */
function rises(numbers: readonly number[]): boolean {
  return numbers.some((number, index) => index > 0 && number > (numbers[index - 1] ?? 0));
}

/** Decodes a PNG of ours by itself; 0 if it is none, or not of the ordered size. */
function coloursOf(file: Buffer): number {
  if (file.readUInt32BE(16) !== size || file.readUInt32BE(20) !== size) return 0;
  const rows = inflateSync(file.subarray(file.indexOf("IDAT") + 4, file.length - 16));
  const colours = new Set<number>();
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) colours.add(rows.readUIntBE(y * (size * 3 + 1) + 1 + x * 3, 3));
  return colours.size;
}

await runDemo<Outcome>({
  name: "image-generation-api",
  about: "An API that orders pictures from two workers, each of which makes one at a time.",
  run,
  print: ({ ordered, pictures, cancelled, mostAtOnce, perWorker, events, seconds }, say) => {
    say();
    say(`ordered        ${ordered}`);
    say(`pictures       ${pictures}, by the two workers ${perWorker.join(" and ")}`);
    say(`cancelled      ${cancelled}, one in the line, one in the making`);
    say(`most at once   ${mostAtOnce}`);
    say(`events         ${events}, by server-sent events`);
    say(`seconds        ${seconds}`);
  },
});
