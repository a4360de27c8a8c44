/** Whether the app's broker answers, in the form that Nest's Terminus takes: `health.check([() => celeriac.check()])`. */

import { type App, coreOf } from "../app/app.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { CELERIAC_APP } from "./decorators.ts";
import { common } from "./peer.ts";

/** Terminus' `HealthIndicatorResult`. */
export type HealthResult = Readonly<
  Record<string, { readonly status: "up" | "down"; readonly message?: string; readonly code?: string }>
>;

/**
 * A health indicator for Terminus: does the place of the results answer?
 *
 * @example
 * ```ts
 * import { Controller, Get } from "@nestjs/common";
 * import { CeleriacHealth } from "celeriac/nest";
 *
 * @Controller("health")
 * class HealthController {
 *   readonly #celeriac: CeleriacHealth;
 *   constructor(celeriac: CeleriacHealth) {
 *     this.#celeriac = celeriac;
 *   }
 *   @Get()
 *   check() {
 *     return this.#celeriac.check("celeriac", { timeout: "2s" });
 *   }
 * }
 * ```
 */
export class CeleriacHealth {
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
  }

  /** Never rejects: what is wrong stands in the result, with its code. Asks the place of the results, over the broker's connection where it is one. */
  async check(
    key: string = "celeriac",
    { timeout = "2s" }: { readonly timeout?: Duration } = {},
  ): Promise<HealthResult> {
    const { clock } = coreOf(this.#app);
    const over = new AbortController();
    const late = clock.sleep(durationMs(timeout), over.signal).then(() => {
      throw new Error(`no answer within ${String(timeout)}`);
    });
    try {
      await Promise.race([this.#ask(over.signal), late]);
      return { [key]: { status: "up" } };
    } catch (error) {
      const { message, code } = error as { readonly message?: string; readonly code?: string };
      return { [key]: { status: "down", message: message ?? String(error), ...(code !== undefined && { code }) } };
    } finally {
      over.abort();
      late.catch(() => {});
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { store } = await coreOf(this.#app).connect(signal);
    await store.get(["celeriac-health"]);
  }
}

common.Injectable()(CeleriacHealth);
common.Inject(CELERIAC_APP)(CeleriacHealth, undefined, 0);
