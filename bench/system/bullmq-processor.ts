/** BullMQ's sandboxed processor: the no-op task in a child process. BullMQ looks for a default export. */

import type { SandboxedJob } from "bullmq";
import { handle, type Payload } from "./system.ts";

// oxlint-disable-next-line import/no-default-export -- BullMQ's convention
export default async (job: SandboxedJob<Payload>): Promise<number> => handle(job.data);
