/** Ten kills; `npm run test:kills` is a thousand. */

import { killsSuite } from "./kills-suite.ts";

killsSuite(Number(process.env["CELERIAC_KILLS"] ?? 10));
