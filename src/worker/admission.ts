/** What of that which is to start has to wait after all: for a place of its key, or for its turn by a rate. */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Delivery } from "../port/broker.ts";
import type { Execution } from "./execution.ts";
import { Places } from "./places.ts";
import { Rates } from "./rates.ts";
import type { Reporter } from "./reporter.ts";
import type { IntakeRules } from "./unrun.ts";

export interface Waiting {
  /** ms; 0: it may begin now. */
  readonly wait: number;
  readonly why: "rate-limited" | "concurrency-limited";
  /** In whose line it stands. */
  readonly behind?: string | undefined;
}

const go: Waiting = { wait: 0, why: "rate-limited" };

export class Admission {
  readonly #rates: Rates;
  readonly #places: Places | undefined;

  constructor(rates: Rates, places?: Places) {
    this.#rates = rates;
    this.#places = places;
  }

  /** Those that may have to wait. */
  limited(executions: readonly Execution[]): readonly Execution[] {
    const rated = this.#rates.limited(executions);
    if (this.#places === undefined) return rated;
    const waiting = new Set(rated);
    return executions.filter((execution) => execution.definition.concurrency !== undefined || waiting.has(execution));
  }

  /** Never rejects. Who has no place takes no token of a rate either, and who has no token keeps no place. */
  async take(executions: readonly Execution[]): Promise<readonly Waiting[]> {
    const places = this.#places;
    const waits = new Map<Execution, Waiting>();
    const placed = places ? executions.filter(({ definition }) => definition.concurrency !== undefined) : [];
    if (places && placed.length > 0) {
      const answers = await places.take(placed);
      for (const [index, answer] of answers.entries()) {
        const execution = placed[index];
        if (execution === undefined || answer.wait === 0) continue;
        waits.set(execution, { wait: answer.wait, why: "concurrency-limited", behind: answer.key });
      }
    }
    const rated = this.#rates.limited(executions.filter((execution) => !waits.has(execution)));
    if (rated.length > 0) {
      const answers = await this.#rates.take(rated);
      for (const [index, execution] of rated.entries()) {
        const wait = answers[index] ?? 0;
        if (wait === 0) continue;
        waits.set(execution, { wait, why: "rate-limited" });
        places?.free(execution.delivery);
      }
    }
    return executions.map((execution) => waits.get(execution) ?? go);
  }

  /** It does not run after all. */
  free(delivery: Delivery): void {
    this.#places?.free(delivery);
  }

  /** It runs elsewhere, in the place that it has. */
  leave(delivery: Delivery): void {
    this.#places?.leave(delivery);
  }

  /** Its end is with the broker. `asked`: it was to run, so that it was asked about. */
  ended(delivery: Delivery, asked: boolean): void {
    if (asked) this.#places?.free(delivery);
    else this.#places?.unrun(delivery);
  }

  /** Resolves when all that was freed is given back. */
  async idle(): Promise<void> {
    await this.#places?.idle();
  }
}

export interface AdmissionParts {
  readonly backend: Pick<Backend, "broker" | "limits">;
  readonly clock: Clock;
  readonly rules: Pick<IntakeRules, "registry" | "limitOf">;
  readonly report: Reporter;
  /** Of a delivery, ms: of a place as well. */
  readonly lease: number;
}

/** Throws NOT_SUPPORTED where tasks have a limit that nobody can count. */
export function admissionOf({ backend, clock, rules, report, lease }: AdmissionParts): Admission {
  const { limits, broker } = backend;
  const sharing = { clock, report, random: Math.random };
  const rates = new Rates({ ...sharing, limits, rules });
  const { registry } = rules;
  const names = registry.list().flatMap(({ name, concurrency }) => (concurrency === undefined ? [] : [name]));
  if (names.length === 0) return new Admission(rates);
  if (limits === undefined) {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      `The option concurrency of ${names.join(", ")} counts the runs of all workers together, and no database is named to count in. Name one with \`results\` or \`schedules\` (Redis or SQLite).`,
      { details: { tasks: names } },
    );
  }
  const places = new Places({ ...sharing, limits, line: broker.features.line, lease, registry });
  return new Admission(rates, places);
}
