import { expect, test } from "vitest";
import { readLocation } from "./location.ts";
import { trustWarnings } from "./trust.ts";

const codes = (url: string): readonly string[] => trustWarnings(readLocation(new URL(url))).map(({ code }) => code);

test.each([
  "redis://",
  "redis://127.0.0.1/0",
  "redis://localhost",
  "redis://[::1]:6379",
  "redis://:hunter2@cache.example",
  "redis://worker:hunter2@cache.example",
  "rediss://cache.example?ssl_certfile=/me.pem&ssl_keyfile=/me.key",
  "sentinel://127.0.0.1:26379/0?master=m",
])("%s needs no word", (url) => {
  expect(codes(url)).toEqual([]);
});

test.each([
  "redis://0.0.0.0",
  "redis://cache.example",
  "redis://worker@cache.example",
  "redis://127.0.0.1.evil.example",
  "rediss://10.0.0.7",
  "sentinel://10.0.0.7:26379/0?master=m",
])("%s lets everybody in, which is said", (url) => {
  expect(codes(url)).toEqual(["NO_PASSWORD"]);
});

test("a certificate that nobody looks at is told of, and no text has the password", () => {
  const warnings = trustWarnings(readLocation(new URL("rediss://u:hunter2@cache.example?ssl_cert_reqs=none")));
  expect(warnings.map(({ code }) => code)).toEqual(["TLS_UNVERIFIED"]);
  expect(JSON.stringify(warnings)).not.toContain("hunter2");
});
