import { expect, test } from "vitest";
import { readLocation } from "./location.ts";
import { checkServer } from "./server-check.ts";

const server = { product: "RabbitMQ", version: "3.13.0" };
const codes = (url: string): readonly string[] =>
  checkServer(server, readLocation(new URL(url))).warnings.map(({ code }) => code);

test("a server that is not asked who it is is warned of, and no other", () => {
  expect(codes("amqps://shop:hunter2@mq.example/?verify=false")).toContain("TLS_UNVERIFIED");
  expect(codes("amqps://mq.example/")).not.toContain("TLS_UNVERIFIED");
  expect(codes("amqp://mq.example/")).not.toContain("TLS_UNVERIFIED");
});
