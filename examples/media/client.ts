/** The demo as a client of its own API: real HTTP, and nothing known that the API has not said. */

import { readFile } from "node:fs/promises";
import type { Photograph } from "./photographs.ts";
import { crops, everyVariation, type Variation } from "./variation.ts";

/** A task the API has accepted; from here on it must end, exactly once. */
export interface Accepted extends Variation {
  readonly id: string;
  readonly image: string;
}

export class Client {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /** Uploads a photograph; resolves with the name the API gave it. */
  async upload({ name, path }: Photograph): Promise<string> {
    const form = new FormData();
    form.append("file", new Blob([await readFile(path)]), name);
    const { image } = await this.#ask<{ image: string }>("/images", 201, { method: "POST", body: form });
    return image;
  }

  /** Orders every variation, one request a crop; `onAccepted` hears of each 202 as it comes. */
  async order(image: string, onAccepted: (tasks: readonly Accepted[]) => void): Promise<void> {
    for (const crop of crops) {
      const variations = everyVariation.filter((each) => each.crop === crop);
      const { tasks } = await this.#ask<{ tasks: readonly (Variation & { id: string })[] }>(
        `/images/${image}/thumbnails`,
        202,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ variations }),
        },
      );
      onAccepted(tasks.map(({ id, width, crop, format }) => ({ id, image, width, crop, format })));
    }
  }

  /** True when the API answers 200 for this task: it is final. */
  async isFinal(id: string): Promise<boolean> {
    const response = await fetch(`${this.#base}/tasks/${id}`);
    await response.body?.cancel();
    return response.status === 200;
  }

  async #ask<T>(path: string, status: number, init: RequestInit): Promise<T> {
    const response = await fetch(`${this.#base}${path}`, init);
    const text = await response.text();
    if (response.status !== status)
      throw new Error(`${init.method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as T;
  }
}
