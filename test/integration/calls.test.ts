import { callsSuite } from "./calls-suite.ts";
import { onEveryBroker } from "./every-broker.ts";

onEveryBroker("calls", callsSuite);
