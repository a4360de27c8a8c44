/** Both directions over Redis, against Celery 5.2. */

import { describeColumn } from "./column.ts";

describeColumn("redis", "5.2", ["TypeScript → Python", "Python → TypeScript"]);
