/** Twenty kills; a thousand are in `thousand-kills.test.ts`. */

import { killsSuite } from "./kills-suite.ts";

killsSuite(20);
