/** Tasks of Python workers, written by `celeriac types`. Run it again when they change: what is edited here is lost then. */

import { app } from "./app.ts";

// model.tasks

/** How a text sounds, from -1 to 1, and the words that say so. */
export const score = app.remote<
  (text: string, top?: number) => { mood: number; label: "good" | "neutral" | "bad"; words: string[] }
>("model.tasks.score", { queue: "example-python" });

/** The words that the model knows, without the weak ones. */
export const vocabulary = app.remote<(kwargs?: { least?: number }) => string[]>("model.tasks.vocabulary", {
  queue: "example-python",
});
