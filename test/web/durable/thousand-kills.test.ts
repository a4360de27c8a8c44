/** A thousand kills, for `npm run test:long`; twenty are in `kills.test.ts`. */

import { killsSuite } from "./kills-suite.ts";

killsSuite(1000);
