/** The task: one picture. Running it twice does no harm: the same order gives the same bytes, in the same place. */

import { setImmediate as turn } from "node:timers/promises";
import type { TaskContext } from "celeriac";
import { app } from "./app.ts";
import { picturePath, removePicture, writePicture } from "./gallery.ts";
import { Generator } from "./generator.ts";
import { encodePng } from "./png.ts";
import { recipeOf } from "./recipe.ts";

export interface Order {
  /** An absolute path, because workers may be started elsewhere. */
  readonly folder: string;
  readonly prompt: string;
  readonly seed: number;
  /** Width and height, pixels. */
  readonly size: number;
  readonly steps: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Unix milliseconds, and the process that had the "GPU" meanwhile. */
  readonly from: number;
  readonly to: number;
  readonly pid: number;
}

/** Time that passes in one step. */
const iterations = 100;

export const generate = app.task(
  "image.generate",
  // trackStarted: "it is your turn" is worth one more write.
  { timeLimit: "10m", retry: { limit: 1, delay: "1s" }, trackStarted: true },
  async ({ folder, prompt, seed, size, steps }: Order, ctx: TaskContext): Promise<Picture> => {
    const from = Date.now();
    const draft = picturePath(folder, ctx.id, true);
    const generator = new Generator(size, recipeOf(prompt, seed));
    try {
      for (let step = 1; step <= steps; step++) {
        generator.step(iterations);
        ctx.progress(step, steps, "growing");
        if (step % 4 === 0) await writePicture(draft, encodePng(size, size, generator.pixels()));
        // A step holds the thread for some 100 ms. Between two of them progress goes out, and a cancel comes in.
        await turn();
        ctx.signal.throwIfAborted();
      }
      const file = encodePng(size, size, generator.pixels());
      await writePicture(picturePath(folder, ctx.id), file);
      return { width: size, height: size, bytes: file.length, from, to: Date.now(), pid: process.pid };
    } finally {
      await removePicture(draft);
    }
  },
);
