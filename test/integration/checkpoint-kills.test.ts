import { checkpointKills } from "./checkpoint-kills-suite.ts";

// Fifty are in `checkpoint-fifty-kills.test.ts`.
checkpointKills(10, 300_000);
