/** Both directions over Redis, against Celery 5.6. */

import { describeRedis } from "./column.ts";

describeRedis("5.6", ["TypeScript → Python", "Python → TypeScript"]);
