/** RabbitMQ with quorum queues, which count deliveries and put nothing back to the front, against the suite of brokers. */

import { brokerSuite } from "../../testing/conformance/broker.ts";
import { rabbitSuiteServer } from "../../../test/server/rabbitmq-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("rabbitmq-server", "rabbitmq conformance with quorum queues", () => {
  brokerSuite("rabbitmq", rabbitSuiteServer()("&queueType=quorum"));
});
