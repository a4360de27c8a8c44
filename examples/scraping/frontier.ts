/**
 * What is known of a crawl: pages that wait, by host, pages that are done, and what each host asks for. It changes only by `note`, with what a step
 * found, so going through the kept steps again gives the same frontier, whoever does it and however many times.
 */

/** What one step found; kept as a checkpoint, so it is small. */
export interface Step {
  readonly url: string;
  /** "page": read, and written. "again": the host is busy or failed, come back. "given-up": noted as an error. "robots": its rules. */
  readonly kind: "page" | "again" | "given-up" | "robots";
  /** Addresses on the page, within the hosts that were asked for. */
  readonly links: readonly string[];
  /** "robots": paths that it does not want to be asked for. */
  readonly disallow: readonly string[];
  /** How long the host wants to be left alone, ms. */
  readonly pause: number;
  /** Length of the result file with this step in it. */
  readonly end: number;
}

interface Host {
  readonly waiting: string[];
  /** Undefined until its robots.txt is known. */
  disallow: readonly string[] | undefined;
}

export class Frontier {
  readonly #hosts = new Map<string, Host>();
  readonly #known = new Set<string>();
  readonly #tries = new Map<string, number>();
  readonly #limit: number;
  #done = 0;
  #end = 0;

  /** `limit`: most pages. */
  constructor(start: readonly string[], limit: number) {
    this.#limit = limit;
    for (const url of start) this.#hosts.set(new URL(url).host, { waiting: [], disallow: undefined });
    for (const url of start) this.#add(url);
  }

  get done(): number {
    return this.#done;
  }

  get known(): number {
    return this.#known.size;
  }

  /** Length of the result file, as of the last step. */
  get end(): number {
    return this.#end;
  }

  /** Hosts with something to ask for. */
  get hosts(): readonly string[] {
    return [...this.#hosts].filter(([, { waiting }]) => waiting.length > 0).map(([host]) => host);
  }

  /** What to ask this host for next: its rules first. */
  next(host: string): string {
    const { waiting, disallow } = this.#host(host);
    const [url] = waiting;
    if (url === undefined) throw new Error(`nothing waits for ${host}`);
    return disallow === undefined ? new URL("/robots.txt", url).href : url;
  }

  /** Tries of this address so far. */
  tries(url: string): number {
    return this.#tries.get(url) ?? 0;
  }

  /** True for what a crawl of these hosts may follow. */
  isWithin(url: string): boolean {
    return this.#hosts.has(new URL(url).host);
  }

  note({ url, kind, links, disallow, end }: Step): void {
    const host = this.#host(new URL(url).host);
    this.#end = end;
    if (kind === "robots") {
      host.disallow = disallow;
      const allowed = host.waiting.filter((each) => this.#isAllowed(each));
      host.waiting.splice(0, host.waiting.length, ...allowed);
      return;
    }
    host.waiting.splice(host.waiting.indexOf(url), 1);
    this.#tries.set(url, this.tries(url) + 1);
    if (kind === "again") return void host.waiting.push(url);
    this.#done++;
    for (const link of links) this.#add(link);
  }

  #add(url: string): void {
    if (this.#known.has(url) || this.#known.size >= this.#limit || !this.isWithin(url) || !this.#isAllowed(url)) return;
    this.#known.add(url);
    this.#host(new URL(url).host).waiting.push(url);
  }

  #isAllowed(url: string): boolean {
    const { host, pathname } = new URL(url);
    return !(this.#host(host).disallow ?? []).some((path) => pathname.startsWith(path));
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`${name} is not of this crawl`);
    return host;
  }
}
