/** Does somebody do the work, and would still if one of them were gone? */

import type { Check } from "../../port/check.ts";
import { clean } from "../../wire/visible-text.ts";
import { readyCount } from "../queue-list.ts";
import { askWorkers } from "../remote.ts";
import type { Session } from "../target.ts";

const topic = "workers";
/** Longest silence, as `celeriac status` has it. */
const timeout = "1s";

export async function workerChecks(session: Session): Promise<readonly Check[]> {
  const { backend, core, named } = session;
  const answers = await askWorkers(session, "registered", {}, { timeout });
  if (answers.size === 0) {
    const waiting = (await backend.broker.queues.list()).reduce((sum, queue) => sum + readyCount(queue), 0);
    const text = "no worker answers";
    const remedy = "Start two, on different machines: celeriac worker -A ./app.ts";
    if (waiting === 0) return [{ topic, verdict: "warning", text: `${text}; nothing waits`, remedy }];
    return [{ topic, verdict: "failed", text: `${text}, and ${String(waiting)} tasks wait`, remedy }];
  }
  return [count([...answers.keys()]), ...(named ? unserved(await namesOf(core), answers) : [])];
}

function count(nodes: readonly string[]): Check {
  const names = nodes
    .toSorted()
    .map((node) => clean(node))
    .join(", ");
  if (nodes.length > 1) return { topic, verdict: "ok", text: `${String(nodes.length)} answer: ${names}` };
  const text = `one answers, ${names}: while it restarts nothing is done`;
  return { topic, verdict: "warning", text, remedy: "Start a second one, on another machine." };
}

async function namesOf(core: Session["core"]): Promise<readonly string[]> {
  return (await core.load()).list().map(({ name }) => name);
}

/** Python's workers add what is known of a task in brackets: "mail.send [rate_limit=10/s]". */
function unserved(names: readonly string[], answers: ReadonlyMap<string, unknown>): readonly Check[] {
  const served = new Set(
    [...answers.values()].flatMap((answer) =>
      Array.isArray(answer) ? answer.map((task: unknown) => String(task).split(" ")[0]) : [],
    ),
  );
  const missing = names.filter((name) => !served.has(name));
  if (missing.length === 0) return [];
  const text = `no worker that answers knows ${missing.join(", ")}`;
  return [{ topic, verdict: "warning", text, remedy: "Deploy the workers too, or start those of these tasks." }];
}
