/** Figures, durations, ids and literals as people read them. */

import { expect, test } from "vitest";
import { ageText, durationText } from "./duration.ts";
import { shortId, shortTask } from "./id.ts";
import { linkParts, safeHref } from "./link.ts";
import { inlineArgs, jsonOr, prettyLiteral } from "./literal.ts";
import { countText, rateText, shareText, shortCountText, sizeText } from "./number.ts";

test.each([
  [0, "0 ms"],
  [0.4, "< 1 ms"],
  [999.9, "999 ms"],
  [1_420, "1.42 s"],
  [9_999, "9.99 s"],
  [12_340, "12.3 s"],
  [59_999, "59.9 s"],
  [200_000, "3 min 20 s"],
  [180_000, "3 min"],
  [3_600_000, "1 h"],
  [2 * 86_400_000 + 4 * 3_600_000 + 5, "2 d 4 h"],
  [-5, "0 ms"],
])("%d ms are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("ages are whole seconds, so that they change once a second", () => {
  expect([ageText(999), ageText(59_999), ageText(61_000)]).toEqual(["0 s", "59 s", "1 min 1 s"]);
});

test("counts have thin spaces, rates one decimal, and neither is rounded into a lie", () => {
  expect([countText(999), countText(1_204), countText(1_000_000), countText(-1_204)]).toEqual([
    "999",
    "1\u2009204",
    "1\u2009000\u2009000",
    "\u22121\u2009204",
  ]);
  expect([shortCountText(9_999), shortCountText(12_345), shortCountText(999_999), shortCountText(5_699_999)]).toEqual([
    "9\u2009999",
    "12.3\u2009k",
    "999\u2009k",
    "5.6\u2009M",
  ]);
  expect([rateText(0), rateText(0.01), rateText(12.34), rateText(0.96), rateText(1_234.56)]).toEqual([
    "0.0\u2009/s",
    "< 0.1\u2009/s",
    "12.3\u2009/s",
    "1.0\u2009/s",
    "1\u2009234.6\u2009/s",
  ]);
  expect([shareText(0), shareText(0.0004), shareText(0.047), shareText(1)]).toEqual([
    "0\u2009%",
    "< 0.1\u2009%",
    "4.7\u2009%",
    "100\u2009%",
  ]);
  expect([sizeText(443), sizeText(1_536), sizeText(88_290_000), sizeText(3e12)]).toEqual([
    "443 B",
    "1.5 kB",
    "84.2 MB",
    "2.7 TB",
  ]);
});

test("ids keep both ends, task names their last two parts", () => {
  expect(shortId("01a21f45-404f-7a8c-95c0-4f4cf12f68bf")).toBe("01a21f…68bf");
  expect(shortId("receipt-7")).toBe("receipt-7");
  expect([shortTask("shop.images.resize"), shortTask("add")]).toEqual(["images.resize", "add"]);
});

test("arguments of either side are read into a form, and what is neither is not guessed", () => {
  expect(JSON.parse(jsonOr("{'to': 'ann', 'urgent': True, 'of': None}", "{}"))).toEqual({
    to: "ann",
    urgent: true,
    of: null,
  });
  expect(JSON.parse(jsonOr('["a", 1]', "[]"))).toEqual(["a", 1]);
  expect(jsonOr("<Order object at 0x7f>", "[]")).toBe("[]");
  expect(inlineArgs("()", "{'a': 1}")).toBe("{'a': 1}");
  expect(inlineArgs("[]", "{}")).toBe("");
  expect(prettyLiteral('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyLiteral("('a',)")).toBe("('a',)");
});

test("links lead to http and https alone", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    " java\nscript:alert(1)",
    "//evil.example",
    "file:///etc/passwd",
  ])
    expect(safeHref(text), text).toBeUndefined();
  expect(linkParts("see https://shop.example/a?b=1 and javascript:alert(1)")).toEqual([
    { text: "see " },
    { text: "https://shop.example/a?b=1", href: "https://shop.example/a?b=1" },
    { text: " and javascript:alert(1)" },
  ]);
  expect(linkParts("https://x.example/'onmouseover='alert(1)")[0]?.href).toBe("https://x.example/");
});
