/** The app's tasks as a test's workers see them: a fake where the test gave one, and a complaint where it had to. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskContext } from "../task/context.ts";
import type { AnyHandler, TaskDefinition } from "../task/definition.ts";
import type { CallArguments } from "../task/input.ts";
import { defineTask } from "../task/options.ts";
import { TaskRegistry } from "../task/registry.ts";

/** What stands in for a handler: given the list of arguments of a remote task, or the one input of a local one. */
export type FakeHandler = (given: readonly unknown[], context: TaskContext) => unknown;

export class FakedRegistry extends TaskRegistry {
  readonly #app: TaskRegistry;
  readonly #defaultQueue: string;
  readonly #fakes = new Map<string, TaskDefinition>();
  readonly #missing: (error: CeleriacError) => void;

  /** `missing` is told of each call of a task that has no handler and no fake. */
  constructor(app: TaskRegistry, defaultQueue: string, missing: (error: CeleriacError) => void) {
    super();
    this.#app = app;
    this.#defaultQueue = defaultQueue;
    this.#missing = missing;
  }

  fake(name: string, handler: FakeHandler): void {
    const declared = this.#app.get(name);
    if (declared?.handler !== undefined) {
      this.#fakes.set(name, { ...declared, handler: (input, context) => handler([input], context) });
      return;
    }
    this.#fakes.set(name, this.#remote(name, handler));
  }

  override get(name: string): TaskDefinition | undefined {
    return this.#fakes.get(name) ?? this.#app.get(name);
  }

  override runnable(name: string): TaskDefinition {
    const known = this.#fakes.get(name) ?? this.#app.runnable(name);
    if (known?.handler !== undefined) return known;
    return this.#remote(name, () => {
      const error = missingFake(name);
      this.#missing(error);
      throw error;
    });
  }

  override all(): readonly TaskDefinition[] {
    return this.#app.all().map(({ name }) => this.runnable(name));
  }

  /** With all that is only declared: a test's worker takes whatever is sent. */
  override list(): readonly TaskDefinition[] {
    const names = new Set([...this.#app.all().map(({ name }) => name), ...this.#fakes.keys()]);
    return [...names].map((name) => this.runnable(name));
  }

  #remote(name: string, fake: FakeHandler): TaskDefinition {
    const handler: AnyHandler = (input, context) => {
      const { args, kwargs } = input as CallArguments;
      return fake(Object.keys(kwargs).length === 0 ? args : [...args, kwargs], context);
    };
    const declared = this.#app.get(name);
    if (declared === undefined) return defineTask(name, { raw: true }, handler, this.#defaultQueue);
    return { ...declared, raw: true, handler };
  }
}

function missingFake(name: string): CeleriacError {
  return new CeleriacError(
    "TEST_FAKE_MISSING",
    `"${name}" was called, and this app has no handler for it: another service runs it. Say what it answers in this test: test.fake("${name}", (...args) => result). If it is a task of yours, its module is not among those that the app's \`tasks\` loads.`,
    { details: { task: name } },
  );
}
