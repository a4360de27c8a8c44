/** RabbitMQ's URLs: read as Celery reads them, and options that nobody knows are refused. */

import { describe, expect, test } from "vitest";
import { redactUrl } from "../../app/connect.ts";
import { readLocation } from "./location.ts";

describe("the vhost is what Celery takes it for", () => {
  test.each([
    ["amqp://host", "/"],
    ["amqp://host/", "/"],
    ["amqp://host//", "/"],
    ["amqp://host/%2F", "/"],
    ["amqp://host/shop", "shop"],
    ["amqp://host/%2Fshop", "/shop"],
    ["amqp://host//shop", "/shop"],
  ])("%s", (url, vhost) => {
    expect(readLocation(new URL(url)).vhost).toBe(vhost);
  });
});

test("login, host, port and defaults", () => {
  expect(readLocation(new URL("amqp://us%40er:p%2Fw@mq.example:5673/v?heartbeat=5&consumerTimeout=60"))).toMatchObject({
    host: "mq.example",
    port: 5673,
    username: "us@er",
    password: "p/w",
    name: "amqp://mq.example:5673/v",
    queueType: "classic",
    maxPriority: undefined,
    heartbeat: 5_000,
    consumerTimeout: 60_000,
    tls: undefined,
  });
  expect(readLocation(new URL("amqp://"))).toMatchObject({ host: "127.0.0.1", port: 5672, username: "guest" });
  expect(readLocation(new URL("amqp://[::1]/"))).toMatchObject({ host: "::1", heartbeat: 10_000 });
  expect(readLocation(new URL("amqps://host/?ca=/ca.pem&verify=false"))).toMatchObject({
    port: 5671,
    tls: { ca: "/ca.pem", cert: undefined, key: undefined, verify: false },
  });
});

test.each([
  ["amqp://host/?queuetype=quorum", 'unknown option "queuetype"'],
  ["amqp://host/?queueType=stream", "does not exist"],
  ["amqp://host/?queueType=quorum&maxPriority=9", "no maxPriority"],
  ["amqp://host/?maxPriority=256", "not a whole number"],
  ["amqp://host/?heartbeat=", "not a whole number"],
  ["amqp://host/?ca=/ca.pem", "amqps://"],
  ["amqps://host/?verify=no", "neither true nor false"],
])("%s is refused", (url, why) => {
  expect(() => readLocation(new URL(url))).toThrow(expect.objectContaining({ code: "BROKER_URL_INVALID" }));
  expect(() => readLocation(new URL(url))).toThrow(why);
});

test("no text of it holds the password", () => {
  const url = "amqp://shop:hunter2@host/?nonsense=1";
  expect(() => readLocation(new URL(url))).toThrow(expect.not.stringContaining("hunter2"));
  expect(readLocation(new URL("amqp://shop:hunter2@host/")).name).toBe("amqp://host:5672/%2F");
  expect(redactUrl(url)).not.toContain("hunter2");
});
