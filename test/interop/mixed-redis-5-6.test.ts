/** Workers of both kinds on one Redis queue, with Celery 5.6. */

import { describeRedis } from "./column.ts";

describeRedis("5.6", ["mixed workers"]);
