/** Workers of both kinds on one Redis queue, with Celery 5.2. */

import { describeRedis } from "./column.ts";

describeRedis("5.2", ["mixed workers"]);
