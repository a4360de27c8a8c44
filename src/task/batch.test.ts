import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { type AnyTaskOptions, defineTask } from "./options.ts";

const definedWith = (options: object): string | undefined => {
  try {
    return JSON.stringify(defineTask("t", options as AnyTaskOptions, () => 1, "q").batch);
  } catch (error) {
    return (error as CeleriacError).message;
  }
};

describe("a batch", () => {
  it("is as large as it says, and waits for a moment", () => {
    expect(definedWith({ batch: { max: 5 } })).toBe('{"max":5,"maxWait":50}');
    expect(definedWith({ batch: { max: 5, maxWait: "2s" } })).toBe('{"max":5,"maxWait":2000}');
    expect(definedWith({})).toBeUndefined();
  });

  it("refuses what is none", () => {
    for (const [options, why] of [
      [{ batch: 5 }, /must be an object/],
      [{ batch: {} }, /max must be a whole number/],
      [{ batch: { max: 0 } }, /from 1 to 10000/],
      [{ batch: { max: 1.5 } }, /not 1.5/],
      [{ batch: { max: 5, wait: 1 } }, /no option "wait"/],
      [{ batch: { max: 5, maxWait: "soon" } }, /soon/],
      [{ batch: { max: 5 }, raw: true }, /excludes raw/],
    ] as const)
      expect(definedWith(options), JSON.stringify(options)).toMatch(why);
  });
});
