/** Both directions over Redis, against Celery 5.2. */

import { describeRedis } from "./column.ts";

describeRedis("5.2", ["TypeScript → Python", "Python → TypeScript"]);
