/** What a person waits for: from the press on a place to its first row, in Chromium; and the first paint of a browser that knows nothing yet. */

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import type { Timing } from "./history-answers.ts";
import { percentile } from "./statistics.ts";

const executable = "/usr/bin/chromium";
const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
/** For a place to show its first row, ms. */
const patience = 60_000;
/** Of each place. */
const repeats = 5;
/** By their names in the rail, with what is there once the answer is. */
const places = [
  ["Tasks", "[role=rowgroup] [role=row] button"],
  ["Workflows", "main li a"],
  ["Queues", "main tbody button"],
  // As they were at a moment: those of a made-up cluster are gone by now.
  ["Workers", "main li button"],
] as const;

export interface PageTimings {
  readonly firstPaint: Timing;
  readonly places: readonly Timing[];
}

/** `at`: a moment that is kept, unix ms. `undefined` without Chromium. */
export async function timePages(url: string, at: number): Promise<PageTimings | undefined> {
  if (!existsSync(executable)) return undefined;
  const browser = await chromium.launch({ executablePath: executable, args: flags });
  try {
    const paints: number[] = [];
    const spent = new Map<string, number[]>(places.map(([name]) => [name, []]));
    for (let turn = 0; turn < repeats; turn++) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      for (const [name, row] of places) {
        // Loaded anew, so that nothing is shown that was asked for before.
        await page.goto(name === "Workers" ? `${url}?at=${String(at)}` : url, { waitUntil: "load" });
        await page.locator("main h1").first().waitFor({ state: "attached" });
        if (name === "Tasks") paints.push(await page.evaluate<number>(firstPaint));
        spent.get(name)?.push(await page.evaluate<number>(pressAndWait(name, row)));
      }
      await context.close();
    }
    const timing = (name: string, times: readonly number[]): Timing => ({
      name,
      p50: percentile(times, 0.5),
      worst: Math.max(...times),
    });
    return {
      firstPaint: timing("first paint", paints),
      places: [...spent].map(([name, times]) => timing(`page: ${name}`, times)),
    };
  } finally {
    await browser.close();
  }
}

/** What was painted is told a frame or two later. */
const firstPaint = `new Promise((resolve) => {
  new PerformanceObserver((list, watch) => {
    const [first] = list.getEntriesByName("first-contentful-paint");
    if (first === undefined) return;
    watch.disconnect();
    resolve(first.startTime);
  }).observe({ type: "paint", buffered: true });
})`;

/** In the page itself, so that what drives the browser is not measured with it. */
const pressAndWait = (name: string, row: string): string => `new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(${JSON.stringify(`nothing is shown at ${name}`)})), ${String(patience)});
  const link = [...document.querySelectorAll("nav a")].find((each) => each.textContent.includes(${JSON.stringify(name)}));
  const start = performance.now();
  const look = () => document.querySelector("main h1")?.textContent?.includes(${JSON.stringify(name)}) && document.querySelector(${JSON.stringify(row)}) !== null;
  const watch = new MutationObserver(() => {
    if (!look()) return;
    watch.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  });
  watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  link.click();
})`;
