/** Both directions over Redis, against Celery 5.6. */

import { describeColumn } from "./column.ts";

describeColumn("redis", "5.6", ["TypeScript → Python", "Python → TypeScript"]);
