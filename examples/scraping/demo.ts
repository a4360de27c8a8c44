/** `npm run example scraping`: a crawl of two hosts by a worker that is killed again and again, and what the hosts say about the crawler afterwards. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { SupervisedWorker } from "../harness/supervised-worker.ts";
import { type Request, Site } from "./site.ts";

interface Outcome extends Summary {
  readonly pages: number;
  readonly failed: number;
  readonly requests: number;
  readonly kills: number;
  /** Pages that were asked for again though they had been answered: at most one a kill. */
  readonly fetchedTwice: number;
  /** Shortest time between two requests to one host, ms. */
  readonly shortestGap: number;
  readonly seconds: number;
}

/** A host is asked 50 times a second at most; for hosts that are not yours a second or more is the custom. */
const interval = 20;

async function run({ folder, broker, signal, say, options }: Stage<Outcome>): Promise<Outcome> {
  const pages = Math.max(10, count(options["pages"] ?? "120", "pages"));
  const kills = count(options["kills"] ?? "3", "kills");
  await using stack = new AsyncDisposableStack();
  const site = stack.use(await Site.open(pages));
  const [{ app }, { crawl }] = await Promise.all([import("./app.ts"), import("./tasks.ts")]);
  stack.defer(() => app.close());
  const worker = stack.use(
    new SupervisedWorker({
      app: new URL("app.ts", import.meta.url),
      broker,
      name: "crawler",
      lease: "6s",
      args: ["-c", "1"],
    }),
  );
  const out = join(folder, "pages.jsonl");
  const began = performance.now();
  const sent = await crawl.delay({ start: site.start, out, interval, limit: pages * 2 + 100 });
  say(`crawling ${site.start.join(" and ")}`);
  const result = sent.get({ signal });
  result.catch(() => {});
  for (let kill = 1; kill <= kills; kill++) {
    // Between two requests and in the middle of one: wherever it is.
    const at = Math.round((site.expected.good * kill) / (kills + 1));
    while (answered(site.requests).length < at) await sleep(5, undefined, { signal });
    const asked = site.requests.length;
    say(`SIGKILL to ${await worker.kill(signal)} after ${asked} requests; another has taken its place`);
  }
  const { pages: crawled } = await result;
  const seconds = (performance.now() - began) / 1000;
  say(`${crawled} pages in ${seconds.toFixed(1)} s`);
  const lines = (await readFile(out, "utf8")).trimEnd().split("\n");
  return judge({ site, lines, kills, seconds });
}

function judge(of: {
  readonly site: Site;
  readonly lines: readonly string[];
  readonly kills: number;
  readonly seconds: number;
}): Outcome {
  const { site, lines, kills, seconds } = of;
  const problems: string[] = [];
  const records = lines.map((line) => JSON.parse(line) as { readonly url: string; readonly status: number });
  const good = records.filter(({ status }) => status === 200).length;
  const bad = records.length - good;
  if (new Set(records.map(({ url }) => url)).size !== records.length) problems.push("a page is in the result twice");
  if (good !== site.expected.good) problems.push(`${good} pages in the result, not ${site.expected.good}`);
  if (bad !== site.expected.bad) problems.push(`${bad} failed pages in the result, not ${site.expected.bad}`);
  const answers = answered(site.requests);
  const fetchedTwice = answers.length - new Set(answers.map(({ host, path }) => host + path)).size;
  if (fetchedTwice > kills) problems.push(`${fetchedTwice} pages were fetched twice after ${kills} kills`);
  if (site.requests.some(({ path }) => path.startsWith("/private/"))) problems.push("robots.txt was not heeded");
  const gaps = gapsOf(site.requests);
  const shortestGap = Math.min(...gaps.map(({ gap }) => gap));
  if (shortestGap < interval) problems.push(`a host was asked again after ${shortestGap.toFixed(1)} ms`);
  if (gaps.some(({ gap, pause }) => gap < pause)) problems.push("a host that asked to be left alone was not");
  return {
    ok: problems.length === 0,
    pages: good,
    failed: bad,
    requests: site.requests.length,
    kills,
    fetchedTwice,
    shortestGap: Math.round(shortestGap * 10) / 10,
    seconds: Math.round(seconds * 10) / 10,
    problems,
  };
}

function answered(requests: readonly Request[]): readonly Request[] {
  return requests.filter(({ status, path }) => status === 200 && path !== "/robots.txt");
}

/** Between each request and the one before it at the same host. */
function gapsOf(requests: readonly Request[]): readonly { readonly gap: number; readonly pause: number }[] {
  const last = new Map<string, Request>();
  return requests.flatMap((request) => {
    const before = last.get(request.host);
    last.set(request.host, request);
    return before === undefined ? [] : { gap: request.at - before.at, pause: before.pause };
  });
}

function count(text: string, name: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new Error(`--${name} takes a number, not ${text}`);
  return Number(text);
}

await runDemo<Outcome>({
  name: "scraping",
  about: `A long crawl that survives kills.

  --pages N        pages of each of the two hosts (default: 120)
  --kills N        how often the worker is killed (default: 3)`,
  options: ["pages", "kills"],
  run,
  print: ({ pages, failed, requests, kills, fetchedTwice, shortestGap, seconds }, say) => {
    say();
    say(`pages            ${pages}, each once in the result; ${failed} more are noted as failed`);
    say(`requests         ${requests}, counted by the hosts`);
    say(`kills            ${kills}`);
    say(`fetched twice    ${fetchedTwice}`);
    say(`shortest gap     ${shortestGap} ms between two requests to one host; ${interval} were asked for`);
    say(`seconds          ${seconds}`);
  },
});
