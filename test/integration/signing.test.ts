import { onEveryBroker } from "./every-broker.ts";
import { signingSuite } from "./signing-suite.ts";

onEveryBroker("signing", signingSuite);
