/** Query strings as values. Numbers are clamped to what is sensible, texts cut, lists bounded: no question can be made expensive by its numbers. */

import { badRequest } from "./failure.ts";

const longestText = 200;
const longestName = 512;
const mostNames = 50;
/** Cursors are ours and opaque; the longest are keys of messages. */
const longestCursor = 2_000;

export class Query {
  readonly #params: URLSearchParams;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  /** Inside [`least`, `most`], whatever was said. Throws for what is no number. */
  number(name: string, least: number, most: number): number | undefined {
    const text = this.#params.get(name);
    if (text === null || text === "") return undefined;
    const value = Number(text);
    if (text.length > 30 || Number.isNaN(value)) throw badRequest(`${name} must be a number.`, name);
    return Math.min(most, Math.max(least, value));
  }

  whole(name: string, least: number, most: number): number | undefined {
    const value = this.number(name, least, most);
    return value === undefined ? undefined : Math.floor(value);
  }

  /** Unix ms. */
  moment(name: string): number | undefined {
    return this.whole(name, 0, 8.64e15);
  }

  /** Cut to 200 characters. */
  text(name: string): string | undefined {
    return this.#params.get(name)?.slice(0, longestText) || undefined;
  }

  name(name: string): string | undefined {
    const text = this.#params.get(name) ?? "";
    if (text.length > longestName) throw badRequest(`${name} is too long for a name.`, name);
    return text === "" ? undefined : text;
  }

  /** Repeated, each as it stands: a name may have any character, commas too. */
  names(name: string): readonly string[] | undefined {
    return this.#list(name, this.#params.getAll(name));
  }

  #list(name: string, texts: readonly string[]): readonly string[] | undefined {
    const list = texts.filter((text) => text !== "");
    if (list.length > mostNames) throw badRequest(`${name}: at most ${String(mostNames)}.`, name);
    if (list.some((text) => text.length > longestName)) throw badRequest(`${name} is too long for a name.`, name);
    return list.length === 0 ? undefined : list;
  }

  cursor(name = "after"): string | undefined {
    const text = this.#params.get(name) ?? "";
    if (text.length > longestCursor) throw badRequest(`${name} is no cursor of this API.`, name);
    return text === "" ? undefined : text;
  }

  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.#params.get(name);
    if (text === null || text === "") return undefined;
    const word = words.find((one) => one === text);
    if (word === undefined) throw badRequest(`${name} must be one of ${words.join(", ")}.`, name);
    return word;
  }

  /** Repeated, or with commas between. */
  someOf<T extends string>(name: string, words: readonly T[]): readonly T[] | undefined {
    const texts = this.#params.getAll(name).flatMap((text) => text.split(","));
    return this.#list(name, texts)?.map((text) => {
      const word = words.find((one) => one === text);
      if (word === undefined) throw badRequest(`${name} must be of ${words.join(", ")}.`, name);
      return word;
    });
  }

  flag(name: string): boolean {
    return /^(?:1|true|yes)$/i.test(this.#params.get(name) ?? "");
  }
}
