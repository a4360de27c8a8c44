/** Our copy of the Standard Schema interface takes every schema that the specification's own takes. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expectTypeOf, test } from "vitest";
import type { InputOf, OutputOf, StandardSchema } from "../../src/task/schema.ts";

describe("Standard Schema", () => {
  test("schemas of the specification are ours", () => {
    expectTypeOf<StandardSchemaV1<string, number>>().toExtend<StandardSchema<string, number>>();
    expectTypeOf<StandardSchemaV1<string, number>>().not.toExtend<StandardSchema<string, string>>();
  });

  test("input and output are told apart", () => {
    expectTypeOf<InputOf<StandardSchemaV1<string, number>>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<StandardSchemaV1<string, number>>>().toEqualTypeOf<number>();
  });
});
