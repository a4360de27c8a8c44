import { batchSuite } from "./batch-suite.ts";
import { onEveryBroker } from "./every-broker.ts";

onEveryBroker("batch", batchSuite);
