/**
 * A file system of its own for what a broker writes, which is full whenever a fault wants that: a tmpfs whose size is set to what it
 * holds. No byte has to be written for that, and no memory is used.
 */

import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";
import { promisify } from "node:util";

/** Bytes of a run of 100 000 tasks, several times over; pages that are not written cost nothing. */
const roomy = 4 * 1024 ** 3;
/** Between looking at what is used and setting the size to it, more may have been written: that is refused, and tried again. */
const tries = 50;
/** What is given up for those who finish is taken too, every so many ms. */
const greed = 20;

const run = promisify(execFile);

export class SmallDisk {
  readonly path: string;
  readonly #unmount: () => void;
  #greedy: NodeJS.Timeout | undefined;
  #shrinking: Promise<void> | undefined;

  private constructor(path: string) {
    this.path = path;
    // The run may be ended from outside, and a mount outlives its process.
    this.#unmount = () => execFileSync("umount", ["-l", path], { stdio: "ignore" });
    process.once("exit", this.#unmount);
  }

  /** Says why where nothing can be mounted: to whoever is not root, and outside of Linux. */
  static mount(path: string): SmallDisk | string {
    mkdirSync(path);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${String(roomy)}`, "tmpfs", path], { stdio: "pipe" });
    } catch (error) {
      return `no file system can be mounted here (${String(error).split("\n")[1] ?? String(error)})`;
    }
    return new SmallDisk(path);
  }

  /** Leaves no room. `greedy`: also takes what others give up from now on; they can then do nothing at all. */
  async fill(greedy: boolean): Promise<void> {
    await this.#shrink();
    if (!greedy) return;
    this.#greedy = setInterval(() => {
      this.#shrinking ??= this.#shrink()
        .catch(() => {})
        .finally(() => (this.#shrinking = undefined));
    }, greed);
  }

  async free(): Promise<void> {
    clearInterval(this.#greedy);
    // One that is under way would end after this, and leave the disk full for good.
    await this.#shrinking;
    await this.#resize(roomy);
  }

  /** Once nobody uses it any more; safe after those who do have been killed. */
  close(): void {
    clearInterval(this.#greedy);
    process.off("exit", this.#unmount);
    this.#unmount();
  }

  async #shrink(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { blocks, bfree, bsize } = statfsSync(this.path);
      try {
        await this.#resize((blocks - bfree) * bsize);
        return;
      } catch (error) {
        if (attempt === tries) throw error;
      }
    }
  }

  async #resize(bytes: number): Promise<void> {
    await run("mount", ["-o", `remount,size=${String(bytes)}`, this.path]);
  }
}
