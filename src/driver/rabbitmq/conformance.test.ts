/** RabbitMQ, with classic queues, against the suites of every port it implements; and with priorities against what they change. */

import { describe } from "vitest";
import { brokerSuite } from "../../testing/conformance/broker.ts";
import { administrationCases } from "../../testing/conformance/broker-admin.ts";
import { orderCases } from "../../testing/conformance/broker-order.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { repliesSuite } from "../../testing/conformance/replies.ts";
import { rabbitSuiteServer } from "../../../test/server/rabbitmq-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("rabbitmq-server", "rabbitmq conformance", () => {
  const server = rabbitSuiteServer();
  brokerSuite("rabbitmq", server());
  busSuite("rabbitmq", server());
  repliesSuite("rabbitmq", server(), ({ replies }) => replies);
  describe("rabbitmq with priorities", () => {
    describe("order", () => orderCases(server("&maxPriority=9")));
    describe("queues", () => administrationCases(server("&maxPriority=9")));
  });
});
