import { expect, it } from "vitest";
import { CeleriacError } from "../../src/index.ts";
import { answerOf, brokenAcceptance } from "./acceptance.ts";
import { historyOf } from "./history.ts";
import type { Entry } from "./journal.ts";

const accepted = (id: string): Entry => ({ k: "accepted", t: 1, id, kind: "ok" });
const unclear = (id: string): Entry => ({ k: "unclear", t: 1, id, kind: "ok" });
const refused = (id: string, code: string, t = 100): Entry => ({ k: "refused", t, id, kind: "ok", code });
const fault = (name: string, t: number, until: number): Entry => ({ k: "fault", t, until, fault: name, target: 0 });
const jobs = (count: number): string[] => Array.from({ length: count }, (_, n) => `job-${String(n)}`);
const broken = (entries: readonly Entry[], sent: readonly string[] = []): readonly string[] =>
  brokenAcceptance(historyOf(entries), new Set(sent), 5000);

it("leaves unclear only what the broker did not answer", () => {
  expect(answerOf(new CeleriacError("PUBLISH_UNKNOWN", "?"))).toEqual({ k: "unclear" });
  expect(answerOf(new CeleriacError("QUEUE_FULL", "no"))).toEqual({ k: "refused", code: "QUEUE_FULL" });
  expect(answerOf(new TypeError("x is not a function"))).toEqual({
    k: "refused",
    code: "TypeError: x is not a function",
  });
});

it("is green when all was accepted, whatever came before it", () => {
  const entries = [
    unclear("job-0"),
    refused("job-0", "BACKEND_UNREACHABLE"),
    refused("job-0", "QUEUE_FULL"),
    fault("full redis", 50, 90),
    ...jobs(3).map(accepted),
  ];
  expect(broken(entries, jobs(3))).toEqual([]);
});

it.each<[string, readonly Entry[]]>([
  ["a code that no fault gives", [refused("a", "NOT_SERIALIZABLE"), accepted("a")]],
  ["a mistake", [refused("a", "TypeError: x is not a function"), accepted("a")]],
  ["a full queue where nothing was full", [refused("a", "QUEUE_FULL"), fault("cut line", 50, 90), accepted("a")]],
  [
    "a full queue long after it was full",
    [refused("a", "QUEUE_FULL", 9000), fault("full disk", 50, 90), accepted("a")],
  ],
])("sees %s", (_what, entries) => {
  expect(broken(entries, ["a"])).toEqual([expect.stringMatching(/^refused: a was refused with /)]);
});

it("sees what was neither accepted nor left unclear", () => {
  const all = jobs(200);
  expect(broken(all.slice(1).map(accepted), all)).toEqual(["unsent: job-0 was neither accepted nor left unclear"]);
});

it("sees that too little was accepted, however unclear the rest is", () => {
  const all = jobs(100);
  const but = (count: number): readonly Entry[] => all.map((id, n) => (n < count ? unclear(id) : accepted(id)));
  expect(broken(but(1), all)).toEqual([]);
  expect(broken(but(2), all)).toEqual(["few: 98 of 100 jobs were accepted, and the servers came back"]);
});
