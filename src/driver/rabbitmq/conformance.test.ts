/** RabbitMQ, with classic queues, against the suites of every port it implements. */

import { brokerSuite } from "../../testing/conformance/broker.ts";
import { busSuite } from "../../testing/conformance/bus.ts";
import { rabbitSuiteServer } from "../../../test/server/rabbitmq-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("rabbitmq-server", "rabbitmq conformance", () => {
  const server = rabbitSuiteServer();
  brokerSuite("rabbitmq", server);
  busSuite("rabbitmq", server);
});
