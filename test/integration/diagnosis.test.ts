import { diagnosisSuite } from "./diagnosis-suite.ts";
import { onBrowsableBrokers } from "./every-broker.ts";

onBrowsableBrokers("diagnosis", diagnosisSuite);
