/** The TypeScript side: what Node is good at, for callers of either language. */

import { app } from "./app.ts";

/** Python gets an exception class of this name, made for the purpose: nothing of ours is installed there. */
class EmptyPage extends RangeError {
  override readonly name: string = "EmptyPage";
}

/** A page of HTML as plain text. */
export const tidy = app.task("text.tidy", ({ html }: { html: string }) => {
  const text = html
    .replace(/<[^>]*>/g, "")
    .replaceAll("&amp;", "&")
    .trim();
  if (text === "") throw new EmptyPage("the page has no text");
  return text;
});

/** Takes a score straight from the Python worker that made it; the compiler compares this input with what `score` gives. */
export const file = app.task("score.file", (score: { mood: number; label: string; words: string[] }, ctx) => {
  ctx.log.info(`filed under "${score.label}": ${score.words.join(", ")}`);
});
