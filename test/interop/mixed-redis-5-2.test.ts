/** Workers of both kinds on one Redis queue, with Celery 5.2. */

import { describeColumn } from "./column.ts";

describeColumn("redis", "5.2", ["mixed workers"]);
