/** Things that are tried one after the other by a command of its own, and what it prints of them. */

export interface Case {
  readonly name: string;
  /** Rejects with what is wrong. */
  readonly run: () => Promise<void>;
}

export function expectThat(fits: boolean, text: string): asserts fits {
  if (!fits) throw new Error(text);
}

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Ends the process: skipped, and said, or failed where everything is required. `what`: the tests, and what they lack. */
export function endWithout(what: string): never {
  const required = process.env["CELERIAC_REQUIRE"] === "all";
  say(`${what}: ${required ? "FAILED" : "SKIPPED"}`);
  say(required ? "0 passed, 1 failed, 0 skipped" : "0 passed, 0 failed, 1 skipped");
  process.exit(required ? 1 : 0);
}

export class Tally {
  passed = 0;
  failed = 0;

  /** Whether it passed. */
  async tried({ name, run }: Case): Promise<boolean> {
    const started = performance.now();
    const seconds = (): string => `(${((performance.now() - started) / 1000).toFixed(1)} s)`;
    try {
      await run();
      this.passed++;
      say(`ok      ${name} ${seconds()}`);
      return true;
    } catch (error) {
      this.failed++;
      const reason = String(error instanceof Error ? error.message : error);
      say(`FAILED  ${name} ${seconds()}\n${reason.replace(/^/gm, "        ")}`);
      return false;
    }
  }

  get text(): string {
    return `${String(this.passed)} passed, ${String(this.failed)} failed, 0 skipped`;
  }
}
