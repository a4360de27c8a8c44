import { checkpointKills } from "./checkpoint-kills-suite.ts";

checkpointKills(50, 900_000);
