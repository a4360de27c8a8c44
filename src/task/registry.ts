/** The tasks of one app by name. Refuses a second handler under a name. Holds only what was declared; loads nothing. */

import { createHash } from "node:crypto";
import { CeleriacError } from "../error/celeriac-error.ts";
import { checkTaskName } from "../wire/name.ts";
import { builtInTasks } from "./built-in.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Telemetry } from "./telemetry.ts";

/**
 * Loads an app's tasks and answers with what a worker needs: `await app[freeze]()`. Shared by copies of this package.
 *
 * @example
 * ```ts
 * import { freeze } from "celeriac";
 * const frozen = await app[freeze]();
 * console.log(frozen.tasks);
 * ```
 */
export const freeze: unique symbol = Symbol.for("celeriac.freeze");

/** An app whose task modules are loaded. */
export interface FrozenApp {
  readonly registry: TaskRegistry;
  /** Sorted by name; parent and children compare it. */
  readonly tasks: readonly { readonly name: string; readonly shape: string }[];
  readonly telemetry?: Telemetry | undefined;
}

export class TaskRegistry {
  readonly #definitions = new Map<string, TaskDefinition>();
  readonly #builtIn = builtInTasks((name) => this.#definitions.get(name));

  /** Throws NAME_INVALID, or TASK_DUPLICATE for a second handler. Declaring a remote task again is harmless. */
  add(definition: TaskDefinition): void {
    checkTaskName(definition.name);
    const former = this.#definitions.get(definition.name);
    if (former?.handler !== undefined && definition.handler !== undefined) {
      throw new CeleriacError(
        "TASK_DUPLICATE",
        `The task "${definition.name}" is declared twice in this app; messages name tasks, so each name has one handler. Rename one of them.`,
        { details: { task: definition.name } },
      );
    }
    if (former?.handler === undefined) this.#definitions.set(definition.name, definition);
  }

  /** What was declared. */
  get(name: string): TaskDefinition | undefined {
    return this.#definitions.get(name);
  }

  /** What runs under this name here: a declared handler, or one of Celery's built-in tasks. */
  runnable(name: string): TaskDefinition | undefined {
    const declared = this.#definitions.get(name);
    return declared?.handler === undefined ? (this.#builtIn.get(name) ?? declared) : declared;
  }

  /** Tasks with a handler, sorted by name. */
  list(): readonly TaskDefinition[] {
    return [...this.#definitions.values()]
      .filter((definition) => definition.handler !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Everything that was declared, remote tasks as well. */
  all(): readonly TaskDefinition[] {
    return [...this.#definitions.values()];
  }

  /** Hash of the declared options: differs when two processes loaded different declarations of one task. */
  shape(definition: TaskDefinition): string {
    const { handler, input, retry, errorClasses, ...options } = definition;
    const declared = {
      ...options,
      handler: handler !== undefined,
      input: input?.["~standard"].vendor,
      retry: retry && { ...retry, limit: String(retry.limit), delay: [1, 2, 3, 8].map((n) => waitOf(retry.delay, n)) },
      errorClasses: errorClasses.map((type) => type.name),
    };
    const ordered = Object.entries(declared).sort(([a], [b]) => (a < b ? -1 : 1));
    return createHash("sha256").update(JSON.stringify(ordered)).digest("hex").slice(0, 16);
  }
}

/** A user's own delay function may be random or throw; neither makes two processes differ. */
function waitOf(delay: (n: number) => number, n: number): number | string {
  try {
    const first = delay(n);
    return first === delay(n) ? first : "varies";
  } catch {
    return "throws";
  }
}
