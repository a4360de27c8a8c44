/** "Why is this not running?", as `celeriac doctor ID` answers it. */

import { whyWaiting } from "../../control/diagnosis/why-waiting.ts";
import { maySee } from "../access/viewer.ts";
import type { WhyNot } from "../contract.ts";
import { forbidden } from "../http/failure.ts";
import { coveredReason } from "./cover.ts";
import type { Visit } from "../http/route.ts";

export async function whyNot({ inside, viewer, params, signal }: Visit): Promise<WhyNot> {
  await inside.connect();
  const explanation = await whyWaiting(inside.core, params["id"] ?? "", signal);
  const queue = explanation.queue ?? (viewer.queues === undefined ? undefined : await queueOf(inside, explanation.id));
  if (!maySee(viewer, queue)) throw forbidden("It is in none of your queues.");
  const { redact } = inside.settings;
  const { task, reasons } = explanation;
  return { ...explanation, reasons: reasons.map((reason) => coveredReason(reason, redact, task)) };
}

async function queueOf({ past }: Visit["inside"], id: string): Promise<string | undefined> {
  return (await past.task(id))?.row.queue;
}
