/** What processes take while they live: memory, descriptors and handles, sampled from outside. */

import { readdirSync, readFileSync } from "node:fs";
import type { Cluster } from "./cluster.ts";

export interface Sample {
  /** Unix ms. */
  readonly t: number;
  readonly kind: string;
  readonly pid: number;
  /** Bytes of memory in use. */
  readonly rss: number;
  /** Open descriptors. */
  readonly fds: number;
}

export class Watch {
  readonly samples: Sample[] = [];
  readonly #clusters: Readonly<Record<string, Cluster>>;
  #timer: NodeJS.Timeout | undefined;

  constructor(clusters: Readonly<Record<string, Cluster>>) {
    this.#clusters = clusters;
  }

  start(every: number): void {
    this.#timer = setInterval(() => this.#look(), every);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const [kind, cluster] of Object.entries(this.#clusters)) {
      for (const pid of cluster.spared) {
        try {
          const [, pages = 0] = readFileSync(`/proc/${String(pid)}/statm`, "utf8")
            .split(" ")
            .map(Number);
          const fds = readdirSync(`/proc/${String(pid)}/fd`).length;
          this.samples.push({ t: Date.now(), kind, pid, rss: pages * pageSize, fds });
        } catch {
          // It has just ended; nothing hits it, so the run says why elsewhere.
        }
      }
    }
  }
}

/** Bytes; of every Linux that this runs on. */
const pageSize = 4096;
