/** Celery with its default pool: as many processes as cores. */

import { celerySystem } from "./celery.ts";
import type { System } from "./system.ts";

export const system: System = celerySystem("prefork");
