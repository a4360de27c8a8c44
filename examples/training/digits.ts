/** Ten thousand handwritten digits of the MNIST database, as the package `mnist` ships them: 28 × 28 points each, from 0 to 1. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const points = 784;
export const classes = 10;

export interface Digits {
  /** `points` numbers a picture, one picture after the other. */
  readonly pictures: Float32Array;
  readonly labels: Uint8Array;
}

/** Every fifth picture is for the test and never trained on. `share`: of all that there are, from 0 to 1. */
export async function loadDigits(share = 1): Promise<{ readonly training: Digits; readonly test: Digits }> {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist")), "digits");
  const training: { picture: readonly number[]; label: number }[] = [];
  const test: typeof training = [];
  for (let label = 0; label < classes; label++) {
    const { data } = JSON.parse(await readFile(join(folder, `${String(label)}.json`), "utf8")) as { data: number[] };
    const count = Math.floor((data.length / points) * share);
    for (let n = 0; n < count; n++)
      (n % 5 === 4 ? test : training).push({ picture: data.slice(n * points, (n + 1) * points), label });
  }
  return { training: pack(training), test: pack(test) };
}

function pack(samples: readonly { readonly picture: readonly number[]; readonly label: number }[]): Digits {
  const pictures = new Float32Array(samples.length * points);
  for (const [n, { picture }] of samples.entries()) pictures.set(picture, n * points);
  return { pictures, labels: Uint8Array.from(samples, ({ label }) => label) };
}
