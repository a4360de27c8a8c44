import { describe, expect, test } from "vitest";

import { celeryException, exceptionOf, readException } from "./exception.ts";

describe("writing", () => {
  test("a JavaScript error by name and message", () => {
    expect(exceptionOf(new TypeError("no"))).toEqual({
      exc_type: "TypeError",
      exc_message: ["no"],
      exc_module: "builtins",
    });
    expect(exceptionOf(new Error("no")).exc_module).toBe("builtins");
  });

  test("with its own arguments, module and code", () => {
    const error = { name: "CardDeclined", message: "x", args: [5, { a: 1 }], module: "shop.errors", code: "E_CARD" };
    expect(exceptionOf(error)).toEqual({
      exc_type: "CardDeclined",
      exc_message: [5, { a: 1 }],
      exc_module: "shop.errors",
      exc_code: "E_CARD",
    });
    expect(exceptionOf({ name: "A", message: "m", code: 5 })).not.toHaveProperty("exc_code");
  });

  test.each(["print", "SystemExit", "KeyboardInterrupt", "True", "__import__", "os.system", "Foo Bar", "eval"])(
    "%s is not looked for in Python's builtins",
    (name) => {
      expect(exceptionOf({ name, message: "" })).toMatchObject({ exc_type: name, exc_module: "celeriac" });
    },
  );

  test("arguments that JSON cannot hold become text", () => {
    const error = exceptionOf({ name: "E", message: "m", args: [NaN, undefined, new Map(), () => 1, 2n ** 70n] });
    expect(error.exc_message).toEqual(["NaN", null, "[object Map]", "() => 1", 2n ** 70n]);
    expect(exceptionOf({ name: "", message: "m" }).exc_type).toBe("Error");
    expect(exceptionOf({ name: "E".repeat(1000), message: "" }).exc_type.length).toBe(200);
  });

  test("Celery's own have Celery's modules", () => {
    expect(celeryException("TaskRevokedError", "expired")).toEqual({
      exc_type: "TaskRevokedError",
      exc_message: ["expired"],
      exc_module: "celery.exceptions",
    });
    expect(celeryException("SoftTimeLimitExceeded")).toMatchObject({
      exc_message: [],
      exc_module: "billiard.exceptions",
    });
  });
});

describe("reading", () => {
  test("is the opposite of writing", () => {
    expect(readException(exceptionOf({ name: "E", message: "m", code: "C" }))).toEqual({
      type: "E",
      module: "builtins",
      args: ["m"],
      message: "m",
      code: "C",
    });
  });

  test("forms of all versions", () => {
    expect(readException({ exc_type: "ValueError", exc_message: "boom" })).toMatchObject({
      args: ["boom"],
      module: "",
    });
    expect(readException({ exc_type: "E", exc_message: [] })).toMatchObject({ args: [], message: "" });
    expect(readException({ exc_type: "E", exc_message: [1, "x"], exc_module: "m" }).message).toBe("1, x");
    expect(readException({ exc_type: "E", exc_message: null }).args).toEqual([]);
  });

  test("names are data: nothing is looked up, called or constructed", () => {
    const read = readException({ exc_type: "system", exc_module: "os", exc_message: ["rm -rf /"] });
    expect(read).toEqual({ type: "system", module: "os", args: ["rm -rf /"], message: "rm -rf /", code: undefined });
    expect(readException({ exc_type: "constructor", exc_message: ["x"] }).type).toBe("constructor");
  });

  test.each([null, 5, "text", [], {}, { exc_type: 5 }, { exc_type: "" }, Object.create(null), Symbol("x"), () => 1])(
    "anything else is an Exception (%#)",
    (value) => {
      expect(readException(value)).toMatchObject({ type: "Exception", module: "builtins", args: [value] });
    },
  );
});
