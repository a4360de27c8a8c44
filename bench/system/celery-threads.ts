/** Celery with a pool of threads, as many as the worker's concurrency. */

import { celerySystem } from "./celery.ts";
import type { System } from "./system.ts";

export const system: System = celerySystem("threads");
