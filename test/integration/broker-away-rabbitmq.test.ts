import { afterAll, beforeAll } from "vitest";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { describeWith } from "../server/required-program.ts";
import { brokerAwaySuite } from "./broker-away.ts";

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 240_000);
  afterAll(() => rabbit.stop());

  brokerAwaySuite("RabbitMQ", () => rabbit);
});
