/** One thing that is tried. */

export interface Case {
  readonly name: string;
  /** Rejects with what is wrong. */
  readonly run: () => Promise<void>;
}

export function expectThat(fits: boolean, text: string): asserts fits {
  if (!fits) throw new Error(text);
}
