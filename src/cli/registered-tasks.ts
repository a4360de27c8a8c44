/** Which tasks running workers have, in which Python module, and from which queues they take them: asked of the workers themselves. */

import { redactUrl } from "../app/connect.ts";
import { ask } from "../control/ask.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { Session } from "./target.ts";

export interface RegisteredTask {
  readonly name: string;
  /** The Python module of its function. */
  readonly module: string;
  readonly workers: readonly string[];
  /** Queues that its workers take from. */
  readonly queues: readonly string[];
}

export interface AskFlags {
  readonly timeout: string;
  readonly destination?: readonly string[];
}

/** Rejects with NO_REMOTE_TASKS when nobody answers, or nobody has any. */
export async function askForTasks(session: Session, flags: AskFlags): Promise<readonly RegisteredTask[]> {
  const { backend, core } = session;
  const timeout = durationMs(flags.timeout as Duration, "--timeout");
  const never = new AbortController().signal; // each question ends by itself, with the silence
  // An attribute that every Python task has: "proj.tasks.add [__module__=proj.tasks]".
  const named = { method: "registered", arguments: { taskinfoitems: ["__module__"] }, timeout };
  const answers = await ask(backend.bus, { ...named, destination: flags.destination }, core.clock, never);
  const tasks = new Map<string, { module: string; workers: string[] }>();
  for (const [worker, answer] of answers) {
    for (const entry of listOf(answer)) {
      const [, name = "", module] = /^(.+?)(?: \[(?:__module__=)?([^\]]*)\])?$/s.exec(String(entry)) ?? [];
      // A worker of ours knows no such attribute, and what it runs needs no declaration here.
      if (name === "" || module === undefined) continue;
      const known = tasks.get(name) ?? { module, workers: [] };
      known.workers.push(worker);
      tasks.set(name, known);
    }
  }
  if (tasks.size === 0) throw nothing(session, [...answers.keys()], flags);

  const question = { method: "active_queues", destination: [...answers.keys()], timeout };
  const active = await ask(backend.bus, question, core.clock, never);
  return [...tasks].map(([name, { module, workers }]) => {
    const queues = workers.flatMap((worker) => listOf(active.get(worker)).map(nameOf));
    return { name, module, workers, queues: [...new Set(queues)].filter((queue) => queue !== "").toSorted() };
  });
}

const listOf = (answer: unknown): readonly unknown[] => (Array.isArray(answer) ? (answer as readonly unknown[]) : []);

function nameOf(queue: unknown): string {
  const name = typeof queue === "object" && queue !== null && "name" in queue ? queue.name : undefined;
  return typeof name === "string" ? name : "";
}

function nothing({ core }: Session, answered: readonly string[], { timeout, destination }: AskFlags): CeleriacError {
  const broker = redactUrl(core.config.broker);
  const whom = destination === undefined ? "No worker" : `None of ${destination.join(", ")}`;
  const text =
    answered.length === 0
      ? `${whom} answered within ${timeout} at ${broker}. Check that a Python worker runs on this very server, database or virtual host and key prefix, that its worker_enable_remote_control is on, and that it is not too busy: --timeout 10s waits longer.`
      : `${answered.join(", ")} answered at ${broker}, but without a task. Check that the worker imports the modules of its tasks (include, imports, autodiscover_tasks): \`celery inspect registered\` must list them.`;
  return new CeleriacError("NO_REMOTE_TASKS", text, { details: { answered } });
}
