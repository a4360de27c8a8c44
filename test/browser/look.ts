/** A browser that notices: errors of the console, dialogs, reports of the page's policy, requests to anybody else, and what axe finds. */

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Locator, type Page, type Response } from "playwright-core";
import { root } from "../../scripts/process.ts";

export const executable = "/usr/bin/chromium";
export const pictures = join(root, ".tmp", "browser");

/** Without what asks for hosts of its maker's at each start. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** For one thing to appear, ms: a machine may have a dozen other things to do. */
const patience = 90_000;
/** In the body of what a busy server was too slow for. */
const late = '"code":"TIMEOUT"';
/** Told by the page itself, before any of its scripts. */
const listening = `globalThis.__reports = [];
addEventListener("securitypolicyviolation", (event) => globalThis.__reports.push(event.violatedDirective + " " + event.blockedURI + " " + event.sample));`;

export interface Look {
  readonly width?: number;
  readonly theme?: "light" | "dark";
  readonly user?: { readonly username: string; readonly password: string };
  /** Origins that may be asked beside the dashboard's. */
  readonly also?: readonly string[];
}

export class Eyes implements AsyncDisposable {
  readonly url: string;
  readonly #browser: Browser;

  private constructor(url: string, browser: Browser) {
    this.url = url;
    this.#browser = browser;
  }

  static async open(url: string): Promise<Eyes> {
    await mkdir(pictures, { recursive: true });
    return new Eyes(url, await chromium.launch({ executablePath: executable, args: flags }));
  }

  /** Runs the visit; rejects with what it found, and with all that the browser noticed meanwhile. */
  async visit(look: Look, visit: (seen: Seen) => Promise<void>): Promise<void> {
    const { width = 1280, theme = "light", user, also = [] } = look;
    const context = await this.#browser.newContext({
      viewport: { width, height: width < 600 ? 844 : width > 1_500 ? 1_080 : 800 },
      colorScheme: theme,
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      ...(user !== undefined && { httpCredentials: user }),
    });
    try {
      const seen = await Seen.in(context, this.url, `${String(width)}-${theme}`, also);
      try {
        await visit(seen);
      } catch (error) {
        // What was noticed says why, most times.
        await seen.shot("failed").catch(() => {});
        const said = error instanceof Error ? error.message : String(error);
        const noticed = await seen.finish().catch((found: unknown) => (found instanceof Error ? found.message : ""));
        throw new Error([`at ${seen.page.url()}: ${said}`, noticed ?? ""].join("\n"), { cause: error });
      }
      await seen.finish();
    } finally {
      await context.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** One page that is looked at. */
export class Seen {
  readonly page: Page;
  readonly troubles: string[] = [];
  /** Bytes of scripts and styles that came, packed as they came. */
  bytes = 0;
  /** Errors of the console that belong to what is tried. */
  forgiven: RegExp | undefined;
  readonly #base: string;
  readonly #look: string;
  readonly #told = new Set<string>();
  /** Bodies of answers that are read still. */
  readonly #reading: Promise<void>[] = [];
  /** Errors of the console, with what they are about. */
  readonly #said: { readonly text: string; readonly of: string }[] = [];
  /** What a busy machine was too slow for, and said so: the page asks again. */
  readonly #late = new Set<string>();

  private constructor(page: Page, base: string, look: string) {
    this.page = page;
    this.#base = base;
    this.#look = look;
  }

  static async in(context: BrowserContext, base: string, look: string, also: readonly string[]): Promise<Seen> {
    await context.addInitScript(listening);
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const seen = new Seen(page, base, look);
    page.on("console", (message) => {
      if (message.type() === "error" && !seen.forgiven?.test(message.text()))
        seen.#said.push({ text: message.text(), of: message.location().url });
    });
    page.on("pageerror", (error) => seen.troubles.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      seen.troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const known = [new URL(base).origin, ...also, "blob:", "data:"];
    page.on("request", (request) => {
      const url = request.url();
      if (!known.some((start) => url.startsWith(start))) seen.troubles.push(`request: ${url.slice(0, 200)}`);
    });
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (/\.(?:js|css)$/.test(pathname)) seen.bytes += Number(response.headers()["content-length"] ?? 0);
      if (response.status() >= 500) seen.#reading.push(seen.#noteFailure(response));
    });
    return seen;
  }

  /** With its body, which says what failed. Where the page was left before it came, it is asked for again. */
  async #noteFailure(response: Response): Promise<void> {
    const url = response.url();
    const again = (): Promise<string> =>
      response.request().method() === "GET"
        ? this.page.request.get(url).then((answer) => (answer.status() < 500 ? late : answer.text()))
        : Promise.reject(new Error("what was sent is not sent again"));
    const body = await response.text().catch(() => again().catch(() => "(its page was left)"));
    if (response.status() === 503 && body.includes(late)) this.#late.add(url);
    else this.troubles.push(`answer: ${String(response.status())} of ${url}: ${body.slice(0, 300)}`);
  }

  async go(path: string): Promise<void> {
    await this.page.goto(new URL(path, this.#base).href, { waitUntil: "load" });
  }

  /** Presses the button, link or tab that is named so. */
  async press(role: "button" | "link" | "tab" | "checkbox", name: string | RegExp): Promise<void> {
    await this.page
      .getByRole(role, { name, exact: typeof name === "string" })
      .first()
      .click();
  }

  /** Drags over the right half of a chart. */
  async drag(chart: Locator): Promise<void> {
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    if (box === null) throw new Error("no chart");
    const { mouse } = this.page;
    await mouse.move(box.x + box.width * 0.5, box.y + 20);
    await mouse.down();
    await mouse.move(box.x + box.width * 0.9, box.y + 30, { steps: 5 });
    await mouse.up();
  }

  async text(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** What a press is answered with; where that took its time, that it goes on. */
  async said(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).or(this.page.getByText("and goes on")).first().waitFor();
  }

  /** Nothing is waited for any more: a grey bar would be looked at, and passed by axe, in place of what comes. */
  async loaded(): Promise<void> {
    await this.page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
  }

  async shot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(pictures, `${name}-${this.#look}.png`) });
  }

  /** Nothing is wider than the window. */
  async fits(): Promise<void> {
    const over = await this.page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    if (over > 0) this.troubles.push(`${this.page.url()} is ${String(over)} px too wide`);
  }

  /** Of axe what it calls serious or critical. */
  async axe(): Promise<void> {
    await this.page.evaluate(axe);
    const found = await this.page.evaluate<readonly string[]>(
      `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 160) + " " + failureSummary.slice(0, 160)).join(" | ")))`,
    );
    for (const text of found) {
      // What is on every page is said once.
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      this.troubles.push(`axe ${this.page.url()}: ${text}`);
    }
  }

  /** Throws with all that was noticed. */
  async finish(): Promise<void> {
    await Promise.all(this.#reading);
    for (const { text, of } of this.#said) if (!this.#late.has(of)) this.troubles.push(`console: ${text} ${of}`);
    const reports = await this.page.evaluate<readonly string[]>("globalThis.__reports");
    this.troubles.push(...reports.map((text) => `policy: ${text}`));
    if (this.troubles.length > 0) throw new Error([...new Set(this.troubles)].slice(0, 20).join("\n"));
  }
}
