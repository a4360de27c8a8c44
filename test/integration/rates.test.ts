import { onEveryBroker } from "./every-broker.ts";
import { ratesSuite } from "./rates-suite.ts";

onEveryBroker("rates", ratesSuite);
