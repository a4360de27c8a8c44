/** One output stream of a child: lines as they come, and the last 8 KiB for the dead letters. */

import { StringDecoder } from "node:string_decoder";
import { unmark } from "./output-marks.ts";

/** What is kept for a dead letter, bytes; the oldest goes first. */
const tailBytes = 8192;
/** A line that never ends is passed on in pieces of this many characters. */
const maxLine = 65_536;

export class ChildOutput {
  readonly #onLine: (text: string, slot: number | undefined) => void;
  readonly #decoder = new StringDecoder("utf8");
  #partial = "";
  #lines: string[] = [];
  #bytes = 0;

  constructor(onLine: (text: string, slot: number | undefined) => void) {
    this.#onLine = onLine;
  }

  /** The last lines, an unfinished one included, cut to 8 KiB from the front. */
  get tail(): string {
    const partial = unmark(this.#partial).text;
    const bytes = Buffer.from([...this.#lines, ...(partial === "" ? [] : [partial])].join("\n"));
    if (bytes.byteLength <= tailBytes) return bytes.toString("utf8");
    // A cut inside a character leaves a replacement character, which is dropped.
    return bytes
      .subarray(-tailBytes)
      .toString("utf8")
      .replace(/^\uFFFD+/u, "");
  }

  push(chunk: Buffer): void {
    const lines = (this.#partial + this.#decoder.write(chunk)).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    if (this.#partial.length > maxLine) this.end();
  }

  /** Nothing more comes: what is left is a line too. */
  end(): void {
    const line = this.#partial;
    this.#partial = "";
    if (line !== "") this.#line(line);
  }

  #line(line: string): void {
    const { text, slot } = unmark(line.endsWith("\r") ? line.slice(0, -1) : line);
    this.#lines.push(text);
    this.#bytes += text.length + 1;
    while (this.#bytes > tailBytes * 2 && this.#lines.length > 1) this.#bytes -= (this.#lines.shift()?.length ?? 0) + 1;
    this.#onLine(text, slot);
  }
}
