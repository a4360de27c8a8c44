/**
 * The site that is crawled: two hosts on this machine whose pages link to each other, some slow, some failing the way real ones do. It notes every
 * request, which is how the demo knows what the crawler really did.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Request {
  readonly host: string;
  readonly path: string;
  readonly status: number;
  /** When it came, `performance.now()`. */
  readonly at: number;
  /** For how long the answer asked to be left alone, ms. */
  readonly pause: number;
}

const vegetables = ["celeriac", "parsnip", "salsify", "turnip", "beetroot", "kohlrabi", "radish", "carrot"];

export class Site implements AsyncDisposable {
  readonly requests: Request[] = [];
  /** Addresses of the two first pages. */
  readonly start: readonly string[];
  readonly #servers: readonly Server[];
  readonly #pages: number;
  readonly #tries = new Map<string, number>();

  private constructor(servers: readonly Server[], pages: number) {
    this.#servers = servers;
    this.#pages = pages;
    this.start = servers.map((server) => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
    for (const server of servers) server.on("request", (request, response) => void this.#answer(request, response));
  }

  /** Two hosts with `pages` pages each. */
  static async open(pages: number): Promise<Site> {
    const servers = [createServer(), createServer()];
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
    return new Site(servers, pages);
  }

  /** Pages of each kind that a crawl must find. */
  get expected(): { readonly good: number; readonly bad: number } {
    const numbers = Array.from({ length: this.#pages }, (_, number) => number);
    const bad = numbers.filter((number) => number % 50 === 44 || number % 50 === 33).length * 2;
    return { good: this.#pages * 2 - bad, bad };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const host = request.headers.host ?? "";
    const path = request.url ?? "/";
    const tries = (this.#tries.get(host + path) ?? 0) + 1;
    this.#tries.set(host + path, tries);
    const { status, body, wait = 0, retryAfter = 0 } = this.#page(host, path, tries);
    this.requests.push({ host, path, status, at, pause: retryAfter * 1000 });
    if (wait > 0) await sleep(wait);
    const headers = { "content-type": "text/html; charset=utf-8" };
    response.writeHead(status, retryAfter > 0 ? { ...headers, "retry-after": String(retryAfter) } : headers);
    response.end(body);
  }

  #page(
    host: string,
    path: string,
    tries: number,
  ): { readonly status: number; readonly body: string; readonly wait?: number; readonly retryAfter?: number } {
    if (path === "/robots.txt") return { status: 200, body: "User-agent: *\nDisallow: /private/\n" };
    const number = path === "/" ? 0 : Number(/^\/page\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
    if (!(number < this.#pages)) return { status: 404, body: "<title>Not here</title>" };
    // Three pages in fifty are trouble, and one is slow.
    if (number % 50 === 44) return { status: 500, body: "<title>Broken for ever</title>" };
    if (number % 50 === 33) return { status: 410, body: "<title>Gone</title>" };
    if (number % 50 === 22 && tries === 1) return { status: 429, body: "<title>Slowly</title>", retryAfter: 1 };
    if (number % 50 === 11 && tries === 1) return { status: 503, body: "<title>Try again</title>" };
    return { status: 200, body: this.#html(host, number), wait: number % 50 === 5 ? 300 : 0 };
  }

  #html(host: string, number: number): string {
    const about = vegetables[number % vegetables.length] ?? "";
    const other = this.start.find((url) => new URL(url).host !== host) ?? "/";
    // Every page can be reached: by its parent in a tree, or, where that one is broken, by the page before it.
    const links = [2 * number + 1, 2 * number + 2, number + 1]
      .filter((child) => child < this.#pages)
      .map((child) => `/page/${child}`);
    links.push(
      `/page/${1 + ((number * 7) % (this.#pages - 1))}`,
      `${other}page/${1 + ((number * 5) % (this.#pages - 1))}`,
    );
    links.push("/private/accounts", "https://example.com/elsewhere", "mailto:cook@example.com");
    const anchors = links.map((link) => `<li><a href="${link}">${link}</a></li>`).join("");
    const text = `A page about the ${about}, which is a root. `.repeat(3 + (number % 5));
    return `<!doctype html><title>${about} ${number}</title><p>${text}</p><ul>${anchors}</ul>`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
  }
}
