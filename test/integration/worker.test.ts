import { onEveryBroker } from "./every-broker.ts";
import { workerSuite } from "./worker-suite.ts";

onEveryBroker("worker", workerSuite, (make) => {
  workerSuite("RabbitMQ, its results sent back", make);

  workerSuite("RabbitMQ with quorum queues", async () => {
    const classic = await make();
    return { ...classic, url: `${classic.url}?queueType=quorum` };
  });
});
