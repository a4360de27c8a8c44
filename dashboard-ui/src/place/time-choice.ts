/**
 * The one time control of all pages, as a value and as it stands in the URL:
 * nothing = live, `last=1h`, `at=MS` a moment in the past, `from=MS&until=MS` what was dragged on a chart.
 */

export type TimeChoice =
  | { readonly kind: "live" }
  | { readonly kind: "last"; readonly span: Span }
  | { readonly kind: "moment"; readonly at: number }
  | { readonly kind: "between"; readonly from: number; readonly until: number };

export type Span = "5m" | "1h" | "24h" | "7d";

export const spans: Readonly<Record<Span, { readonly ms: number; readonly label: string; readonly words: string }>> = {
  "5m": { ms: 300_000, label: "5 min", words: "the last 5 minutes" },
  "1h": { ms: 3_600_000, label: "1 h", words: "the last hour" },
  "24h": { ms: 86_400_000, label: "24 h", words: "the last 24 hours" },
  "7d": { ms: 604_800_000, label: "7 d", words: "the last 7 days" },
};

/** What Live, and a moment, show of the time before. */
const usual = 300_000;
const latest = 8.64e15;

export const timeParams = ["last", "at", "from", "until"] as const;

/** Whatever stands there: what makes no sense is live. */
export function readTime(params: URLSearchParams): TimeChoice {
  const at = readMoment(params.get("at"));
  if (at !== undefined) return { kind: "moment", at };
  const last = params.get("last") ?? "";
  if (Object.hasOwn(spans, last)) return { kind: "last", span: last as Span };
  const [from, until] = [readMoment(params.get("from")), readMoment(params.get("until"))];
  if (from !== undefined && until !== undefined && from < until) return { kind: "between", from, until };
  return { kind: "live" };
}

/** Changes `params`. */
export function writeTime(params: URLSearchParams, choice: TimeChoice): void {
  for (const name of timeParams) params.delete(name);
  if (choice.kind === "last") params.set("last", choice.span);
  if (choice.kind === "moment") params.set("at", String(Math.round(choice.at)));
  if (choice.kind === "between") {
    params.set("from", String(Math.floor(choice.from)));
    params.set("until", String(Math.ceil(choice.until)));
  }
}

/** The stretch that charts show. */
export function rangeOf(choice: TimeChoice, now: number): { readonly from: number; readonly until: number } {
  switch (choice.kind) {
    case "live":
      return { from: now - usual, until: now };
    case "last":
      return { from: now - spans[choice.span].ms, until: now };
    case "moment":
      return { from: choice.at - usual, until: choice.at };
    case "between":
      return { from: choice.from, until: choice.until };
  }
}

/** The moment that lists are true for; `undefined`: now. */
export function momentOf(choice: TimeChoice): number | undefined {
  return choice.kind === "moment" ? choice.at : undefined;
}

/** What the past does not change is not asked for again. */
export function follows(choice: TimeChoice): boolean {
  return choice.kind === "live" || choice.kind === "last";
}

/** What is no moment that anybody could have lived in is none. */
export function readMoment(text: string | null): number | undefined {
  if (text === null || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value > 0 && value <= latest ? value : undefined;
}
