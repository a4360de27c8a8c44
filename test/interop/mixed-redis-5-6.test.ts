/** Workers of both kinds on one Redis queue, with Celery 5.6. */

import { describeColumn } from "./column.ts";

describeColumn("redis", "5.6", ["mixed workers"]);
