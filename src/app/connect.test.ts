import { assert, constantFrom, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBrokerUrl, redactUrl } from "./connect.ts";
import { checkNodeVersion } from "./node-version.ts";

describe("a broker URL", () => {
  it("names a driver and what it needs", () => {
    for (const good of [
      "memory:",
      "memory:name",
      "sqlite:celeriac.db",
      "sqlite:/var/lib/a b.db?durability=process",
      "sqlite:./x.db",
      "redis://localhost",
      "redis://u:p@[::1]:6380/3?x=1",
      "rediss://h/",
      "sentinel://h:26379/0?master=m",
    ]) {
      expect(parseBrokerUrl(good).href).toContain(good.slice(0, 6));
    }
    for (const [bad, why] of [
      ["", "no scheme"],
      ["localhost:6379", "no driver"],
      ["celeriac.db", "no scheme"],
      ["sqlite:", "names no file"],
      ["sqlite://", "names no file"],
      ["sqlite:?x=1", "names no file"],
      ["redis:///0", "names no host"],
      ["redis://h/zero", "number of a database"],
      ["redis://h:port", "not a URL"],
      ["postgres://h", "no driver"],
      ["sentinel:", "names no host"],
      ["sentinel://a;sentinel://", "no name"],
      ["sentinel://a;b:port/0", "not a URL"],
      ["sentinel://:x@a;sentinel://:y@b", "different logins"],
      ["sentinel://a/0;sentinel://b/1", "different databases"],
      ["sentinel://a?master=m;sentinel://b?master=n", 'different things about "master"'],
      ["constructor:x", "no driver"],
    ] as const) {
      expect(() => parseBrokerUrl(bad)).toThrow(
        expect.objectContaining({ code: "BROKER_URL_INVALID", message: expect.stringContaining(why) }),
      );
    }
  });
});

describe("a list of sentinels, as Celery writes it,", () => {
  it.each([
    [
      "sentinel://:pw@a:26379;sentinel://:pw@b:26380/1?master_name=m",
      "sentinel://:pw@a:26379/1?hosts=b%3A26380&master=m",
    ],
    ["sentinel://a;b;[::1]:1/2?master=m", "sentinel://a/2?master=m&hosts=b%2C%5B%3A%3A1%5D%3A1"],
    ["sentinel://a/0;sentinel://u:pw@b/0", "sentinel://u:pw@a/0?hosts=b"],
    ["sentinel://a?hosts=b;sentinel://c;", "sentinel://a?hosts=b%2Cc"],
  ])("%s becomes one URL", (text, url) => {
    expect(parseBrokerUrl(text).href).toBe(url);
    expect(parseBrokerUrl(url).href).toBe(url);
  });

  it("shows no password, refused or not", () => {
    const text = "sentinel://:first@a;sentinel://:second@b/0?master=m&sentinelPassword=third";
    const refusal = expect.objectContaining({ code: "BROKER_URL_INVALID" }) as Error;
    expect(() => parseBrokerUrl(text)).toThrow(refusal);
    for (const shown of [redactUrl(text), redactUrl(parseBrokerUrl(text.replace("second", "first")))])
      expect(shown).not.toMatch(/first|second|third/);
    expect(() => parseBrokerUrl(text)).not.toThrow(/first|second|third/);
  });
});

describe("a redacted URL", () => {
  it("keeps what helps and hides what must not be seen", () => {
    expect(redactUrl("redis://shop:hunter2@cache:6379/0")).toBe("redis://***@cache:6379/0");
    expect(redactUrl("redis://cache:6379/0?password=hunter2&x=1")).toBe("redis://cache:6379/0?password=***&x=1");
    expect(redactUrl("hunter2@cache")).toBe("***@cache");
    expect(redactUrl("sqlite:celeriac.db")).toBe("sqlite:celeriac.db");
    expect(redactUrl("redis://:p@ss/w?or#d@h/0")).toBe("redis://***@h/0");
  });

  it("never holds a password, however it was typed", () => {
    const secret = string({ minLength: 6, unit: "grapheme-ascii" }).map((text) => `S${text}S`);
    const scheme = constantFrom("redis://", "rediss://", "redis:/", "redis:", "amqp://", "");
    assert(
      property(scheme, secret, (start, password) => {
        expect(redactUrl(`${start}user:${password}@host/0`)).not.toContain(password);
      }),
    );
  });
});

describe("the version of Node", () => {
  it("is new enough, or said to be too old in one line", () => {
    for (const good of ["22.18.0", "22.19.1", "24.0.0", "26.1.0-nightly"]) checkNodeVersion(good);
    for (const old of ["18.20.0", "20.20.2", "22.17.9"]) {
      expect(() => checkNodeVersion(old)).toThrow(
        expect.objectContaining({ code: "NODE_TOO_OLD", message: expect.stringMatching(/^[^\n]*$/) }),
      );
    }
  });
});
