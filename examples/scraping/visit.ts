/** One request: what a page says, or what to make of an answer that is none. */

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly words: number;
  /** Addresses in it, whole, without fragments. */
  readonly links: readonly string[];
}

export type Answer =
  | { readonly kind: "page"; readonly page: Page }
  /** `pause`: for how long the host asks to be left alone, ms. */
  | { readonly kind: "again"; readonly status: number; readonly pause: number }
  | { readonly kind: "gone"; readonly status: number };

/** A host that says nothing for so long has failed, ms. */
const patience = 10_000;
const headers = { "user-agent": "celeriac-example-crawler (+https://example.com/about-this-crawler)" };

export async function visit(url: string, signal: AbortSignal): Promise<Answer> {
  let reply: Response;
  try {
    reply = await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError"))
      return { kind: "again", status: 0, pause: 1000 };
    throw error;
  }
  const { status } = reply;
  if (status === 429 || status >= 500) {
    await reply.body?.cancel();
    return { kind: "again", status, pause: Number(reply.headers.get("retry-after") ?? 0) * 1000 };
  }
  const text = await reply.text();
  if (status !== 200) return { kind: "gone", status };
  return { kind: "page", page: { status, ...read(text, url) } };
}

/** The paths that robots.txt forbids to everybody. */
export async function visitRobots(url: string, signal: AbortSignal): Promise<readonly string[]> {
  const reply = await fetch(url, { headers, signal });
  const text = await reply.text();
  if (!reply.ok) return [];
  const [, rules = ""] = /^user-agent:\s*\*\s*$([^]*?)(?=^user-agent:|(?![^]))/im.exec(text) ?? [];
  return [...rules.matchAll(/^disallow:\s*(\S+)/gim)].map((match) => match[1] ?? "/");
}

/** Enough for pages like these; real ones deserve a real parser. */
function read(html: string, base: string): Omit<Page, "status"> {
  const title = /<title>([^<]*)<\/title>/.exec(html)?.[1] ?? "";
  const text = html.replace(/<[^>]*>/g, " ").trim();
  const links = [...html.matchAll(/<a\s[^>]*href="([^"]+)"/g)].flatMap((match) => {
    const url = URL.parse(match[1] ?? "", base);
    if (url === null || !/^https?:$/.test(url.protocol)) return [];
    url.hash = "";
    return url.href;
  });
  return { title, words: text.split(/\s+/).length, links: [...new Set(links)] };
}
