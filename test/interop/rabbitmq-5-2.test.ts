/** Both directions and mixed workers over RabbitMQ, with Celery 5.2. */

import { describeRabbit } from "./column.ts";

describeRabbit("5.2");
