/**
 * What probes ask a worker or a scheduler: `/healthz`, does its main thread answer at all; `/readyz`, does it do its work (503 with the
 * reason if not). Tells nothing else, to anybody. A worker whose broker is away is alive: starting it anew would help nobody.
 */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { WorkerHandle } from "../app/work.ts";
import { CeleriacError } from "../error/celeriac-error.ts";

/** As `--health` has it. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Why it does not do its work, or that it does. */
export type Readiness = "ready" | "starting" | "no broker" | "stopping";

export class Health implements AsyncDisposable {
  #state: Readiness = "starting";
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://probe");
      const answer = (status: number, facts: Readonly<Record<string, unknown>>): void =>
        void response
          .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
          .end(JSON.stringify(facts));
      if (request.method !== "GET" && request.method !== "HEAD") answer(405, { error: "GET or HEAD" });
      else if (pathname === "/healthz") answer(200, { alive: true });
      else if (pathname === "/readyz") answer(this.#state === "ready" ? 200 : 503, { state: this.#state });
      else answer(404, { error: "/healthz or /readyz" });
    });
    // Probes open a connection each time; one that is kept open must not keep the process.
    this.#server.unref();
  }

  /** `undefined` without an address. Throws CONFIG_INVALID where nobody can listen there. */
  static async listen(address: ListenAddress | undefined): Promise<Health | undefined> {
    if (address === undefined) return undefined;
    const health = new Health();
    const { host, port } = address;
    try {
      health.#server.listen(port, host);
      await once(health.#server, "listening");
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      throw new CeleriacError(
        "CONFIG_INVALID",
        `--health ${host}:${String(port)}: nobody can listen there (${code}). Give a port that is free, and an address of this machine.`,
        { cause: error },
      );
    }
    return health;
  }

  set state(state: Readiness) {
    this.#state = state;
  }

  /** From now on it says how that worker is. */
  follow(worker: WorkerHandle): void {
    this.#state = "ready";
    let stopping = false;
    const say = (state: Readiness): void => {
      if (!stopping) this.#state = state;
    };
    worker.on("broker:disconnected", () => say("no broker"));
    worker.on("broker:connected", () => say("ready"));
    worker.on("worker:stopping", () => {
      say("stopping");
      stopping = true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
