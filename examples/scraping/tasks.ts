/**
 * The crawl: one task, however many pages and hours. Every step is a checkpoint, and what the next one needs is in the frontier that the steps make. A
 * worker that is killed costs the step it was in: whoever goes on goes through the kept steps in milliseconds and asks for the next page.
 */

import type { TaskContext } from "celeriac";
import { app } from "./app.ts";
import { Frontier, type Step } from "./frontier.ts";
import { Lines } from "./lines.ts";
import { Pace } from "./pace.ts";
import { visit, visitRobots } from "./visit.ts";

export interface Crawl {
  /** Where to begin; other hosts are not followed. */
  readonly start: readonly string[];
  /** The result file; an absolute path, because workers may be started elsewhere. */
  readonly out: string;
  /** A host is left alone for so long after each answer, ms. */
  readonly interval: number;
  /** Most pages. */
  readonly limit: number;
}

export interface Crawled {
  readonly pages: number;
  readonly steps: number;
  readonly bytes: number;
}

/** A page that fails so often is noted as failed. */
const mostTries = 3;

export const crawl = app.task(
  "site.crawl",
  // Whoever crawls for a week is there for many deploys and some crashes; none of them is the crawl's fault.
  { crashes: 1000 },
  async ({ start, out, interval, limit }: Crawl, ctx: TaskContext): Promise<Crawled> => {
    const frontier = new Frontier(start, limit);
    const pace = new Pace(interval);
    await using lines = await Lines.open(out);
    let steps = 0;
    while (frontier.hosts.length > 0) {
      steps++;
      const step: Step = await ctx.checkpoint(`step-${String(steps)}`, () => take(frontier, pace, lines, ctx.signal));
      frontier.note(step);
      ctx.progress(frontier.done, frontier.known, step.url);
    }
    return { pages: frontier.done, steps, bytes: frontier.end };
  },
);

/** Asks the host whose turn it is for its next page. */
async function take(frontier: Frontier, pace: Pace, lines: Lines, signal: AbortSignal): Promise<Step> {
  const host = await pace.turn(frontier.hosts, signal);
  const url = frontier.next(host);
  const nothing = { url, links: [], disallow: [], pause: 0, end: frontier.end };
  if (url.endsWith("/robots.txt")) {
    const disallow = await visitRobots(url, signal);
    pace.answered(host, 0);
    return { ...nothing, kind: "robots", disallow };
  }
  const answer = await visit(url, signal);
  const pause = answer.kind === "again" ? answer.pause : 0;
  pace.answered(host, pause);
  if (answer.kind === "page") {
    const { links, ...page } = answer.page;
    const followed = links.filter((link) => frontier.isWithin(link));
    const end = await lines.write(frontier.end, { url, ...page, links: links.length });
    return { ...nothing, kind: "page", links: followed, end };
  }
  if (answer.kind === "again" && frontier.tries(url) + 1 < mostTries) return { ...nothing, kind: "again", pause };
  return { ...nothing, kind: "given-up", end: await lines.write(frontier.end, { url, status: answer.status }) };
}
