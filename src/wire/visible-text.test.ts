import { describe, expect, test } from "vitest";
import { clean, cleanJson } from "./visible-text.ts";

const hostile = "a\u001b]0;title\u0007b\u009b31mc\u202ed\u0000\ne";

describe("text on a terminal", () => {
  test("shows control characters instead of obeying them", () => {
    expect(clean(hostile)).toBe("a\\u{1b}]0;title\\u{7}b\\u{9b}31mc\\u{202e}d\\u{0}\\u{a}e");
  });

  test("keeps what is told to be kept, and every letter", () => {
    expect(clean("Grüße, 世界 🎉\n", "\n")).toBe("Grüße, 世界 🎉\n");
  });

  test("is JSON of the same value when it is JSON", () => {
    const safe = cleanJson(JSON.stringify({ hostile }));
    expect(JSON.parse(safe)).toEqual({ hostile });
    expect(safe).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});
