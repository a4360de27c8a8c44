import { batchSuite } from "./batch-suite.ts";
import { callsSuite } from "./calls-suite.ts";
import { onEveryBroker } from "./every-broker.ts";

onEveryBroker("calls", (title, make) => {
  callsSuite(title, make);
  batchSuite(title, make);
});
