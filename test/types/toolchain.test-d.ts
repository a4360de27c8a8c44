/** Type tests run with the suite: an expectation about types that does not hold fails it. */

import { describe, expectTypeOf, test } from "vitest";
import type { ErrorCode } from "../../src/error/error-codes.ts";

describe("tests of types", () => {
  test("know a union from a string", () => {
    expectTypeOf<ErrorCode>().toExtend<string>();
    expectTypeOf<string>().not.toExtend<ErrorCode>();
  });

  test("count an expected error that does not come as a failure", () => {
    // @ts-expect-error a code that no table holds
    const code: ErrorCode = "NO_SUCH_CODE";
    expectTypeOf(code).toBeString();
  });
});
