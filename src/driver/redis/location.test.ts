/** What the URL says: logins, layouts, TLS and sentinels, and what is refused without showing a password. */

import { describe, expect, it } from "vitest";
import { Keys } from "./keys.ts";
import { readLocation } from "./location.ts";

describe("the URL", () => {
  it("is taken apart, login and all", () => {
    const location = readLocation(
      new URL("rediss://user:p%40ss@host.example:7000/3?pythonVisibilityTimeout=60&resultPrefix=shop"),
    );
    expect(location).toMatchObject({
      host: "host.example",
      port: 7000,
      db: 3,
      username: "user",
      password: "p@ss",
      tls: { verify: true, checkHost: true, caFile: undefined },
      sentinel: undefined,
    });
    expect(location).toMatchObject({ pythonVisibilityTimeout: 60_000, resultPrefix: "shop_" });
    expect(location.name).toBe("rediss://host.example:7000/3");
    expect(readLocation(new URL("redis://:x@[::1]"))).toMatchObject({
      host: "::1",
      port: 6379,
      db: 0,
      username: undefined,
      tls: undefined,
      name: "redis://[::1]:6379/0",
    });
  });

  it("has kombu's layout unless it says otherwise", () => {
    expect(readLocation(new URL("redis://h"))).toMatchObject({
      separator: "\x06\x16",
      prioritySteps: [0, 3, 6, 9],
      unackedKey: "unacked",
      unackedIndexKey: "unacked_index",
    });
    const query = "sep=%3A&prioritySteps=0,5,%2010&unackedKey=held&unackedIndexKey=held_at";
    expect(readLocation(new URL(`redis://h/0?${query}`))).toMatchObject({
      separator: ":",
      prioritySteps: [0, 5, 10],
      unackedKey: "held",
      unackedIndexKey: "held_at",
    });
  });

  it("says whom to trust", () => {
    const tls = (query: string): unknown => readLocation(new URL(`rediss://h?${query}`)).tls;
    expect(tls("ssl_cert_reqs=CERT_NONE")).toMatchObject({ verify: false, checkHost: false });
    expect(tls("ssl_cert_reqs=optional&ssl_check_hostname=False")).toMatchObject({ verify: true, checkHost: false });
    expect(tls("ssl_ca_certs=/ca&ssl_certfile=/c&ssl_keyfile=/k&ssl_cert_reqs=required")).toEqual({
      caFile: "/ca",
      certFile: "/c",
      keyFile: "/k",
      verify: true,
      checkHost: true,
    });
  });

  it("names sentinels, and what they watch", () => {
    const location = readLocation(
      new URL(
        "sentinel://u:p@one/2?hosts=two:1,[::1]:2&master=m&sentinelPassword=s&sentinelTls=true&ssl_cert_reqs=none",
      ),
    );
    expect(location).toMatchObject({ username: "u", password: "p", db: 2, tls: { verify: false } });
    expect(location.sentinel).toEqual({
      hosts: [
        { host: "one", port: 26_379 },
        { host: "two", port: 1 },
        { host: "::1", port: 2 },
      ],
      master: "m",
      username: undefined,
      password: "s",
      tls: true,
    });
    expect(location.name).toBe("sentinel://one:26379,two:1,[::1]:2/2");
    expect(readLocation(new URL("sentinel://one?master=m")).tls).toBeUndefined();
  });

  it.each([
    ["redis://h/queue", "database number"],
    ["redis://h/0?lease=5", "unknown option"],
    ["redis://h/0?pythonVisibilityTimeout=-1", "positive number"],
    ["redis://h/0?master=m", "unknown option"],
    ["redis://h/0?ssl_ca_certs=/ca", "rediss://"],
    ["rediss://h/0?ssl_cert_reqs=perhaps", "ssl_cert_reqs"],
    ["rediss://h/0?ssl_keyfile=/k", "without ssl_certfile"],
    ["rediss://h/0?ssl_check_hostname=1", "neither true nor false"],
    ["redis://h/0?sep=", "sep is empty"],
    ["redis://h/0?prioritySteps=0,3,3", "greater than the one before"],
    ["redis://h/0?prioritySteps=", "whole numbers"],
    ["redis://h/0?prioritySteps=0,256", "from 0 to 255"],
    ["redis://h/0?unackedKey=a&unackedIndexKey=a", "two names"],
    ["sentinel://h/0", "master"],
    ["sentinel://h/0?master=m&hosts=user:hunter2@h2", "cannot be read"],
  ])("refuses %s", (url, why) => {
    const refusal = { code: "BROKER_URL_INVALID", message: expect.stringContaining(why) as string };
    expect(() => readLocation(new URL(url))).toThrow(expect.objectContaining(refusal));
    expect(() => readLocation(new URL(url))).not.toThrow("hunter2");
  });
});

describe("the steps of priorities", () => {
  it.each([
    ["0,3,6,9", { 0: 0, 2: 0, 3: 3, 8: 6, 9: 9, 255: 9 }],
    ["0,20,40", { 9: 0, 20: 20, 255: 40 }],
    // Without a step for 0, kombu puts what has no priority into the last.
    ["2,5", { 0: 5, 1: 5, 2: 2, 4: 2, 5: 5 }],
  ])("%s are served as kombu serves them", (steps, expected) => {
    const keys = new Keys("", readLocation(new URL(`redis://h?prioritySteps=${steps}`)));
    for (const [priority, step] of Object.entries(expected)) expect(keys.stepOf(Number(priority))).toBe(step);
    expect(keys.stepOf(undefined)).toBe(keys.stepOf(0));
    expect(keys.stepOf(-1)).toBe(keys.stepOf(0));
  });

  it("end in a list each, and queues whose names would be taken for one are refused", () => {
    const keys = new Keys("p.", readLocation(new URL("redis://h?sep=-&prioritySteps=0,10&unackedKey=held")));
    expect(keys.lists("q")).toEqual(["p.q", "p.q-10"]);
    expect([keys.unacked, keys.index]).toEqual(["p.held", "p.unacked_index"]);
    for (const queue of ["q-10", "held", "unacked_index", "a b"])
      expect(() => keys.checkQueue(queue)).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
    keys.checkQueue("q_10");
  });
});
