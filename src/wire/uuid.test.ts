import { expect, test } from "vitest";

import { followUpId, uuidv5 } from "./uuid.ts";

test("as in RFC 9562", () => {
  expect(uuidv5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com")).toBe(
    "2ed6657d-e927-568b-95e1-2665a8aea6a2",
  );
  expect(() => uuidv5("not-a-uuid", "x")).toThrow(RangeError);
});

test("what follows from a task has the same id each time, and another for each role and task", () => {
  const id = "75bd11c8-71f7-4703-abbe-8a9db4c79027";
  expect(followUpId(id, "chain")).toBe(followUpId(id, "chain"));
  expect(followUpId(id, "chain")).toBe(uuidv5(id, "chain"));
  expect(
    new Set([
      followUpId(id, "chain"),
      followUpId(id, "callback.0"),
      followUpId("order-7", "chain"),
      followUpId("order-8", "chain"),
    ]).size,
  ).toBe(4);
  expect(followUpId("order-7", "chain")).toBe("18c3ba49-942b-5e11-9a88-89ee6e07db5e");
});
