/**
 * The result: one JSON line a page. Each step writes at a place that its checkpoint remembers, so a step that is done again overwrites what it wrote
 * the first time, and nothing is there twice.
 */

import { open, type FileHandle } from "node:fs/promises";

export class Lines implements AsyncDisposable {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<Lines> {
    // "a+" would always write at the end.
    return new Lines(await open(path, "r+").catch(() => open(path, "w+")));
  }

  /** Writes one line at `offset` and cuts off what was behind it; resolves with the place of the next one, when the disk has it. */
  async write(offset: number, record: object): Promise<number> {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    await this.#file.write(line, 0, line.length, offset);
    await this.#file.truncate(offset + line.length);
    await this.#file.datasync();
    return offset + line.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
