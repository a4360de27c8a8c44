/** Where the pictures are: originals, thumbnails and mail, in one folder that API and workers share. Names come from outside and are checked. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

const safeName = /^[a-z0-9][a-z0-9-]{0,80}\.(?:jpg|jpeg|png|webp|avif)$/;

/** A file name that cannot leave its folder. */
export function isSafeName(name: string): boolean {
  return safeName.test(name);
}

export function originalPath(folder: string, image: string): string {
  return join(folder, "originals", checked(image));
}

export function thumbnailPath(folder: string, file: string): string {
  return join(folder, "thumbnails", checked(file));
}

export function mailPath(folder: string, name: string): string {
  return join(folder, "mail", `${name}.eml`);
}

export async function makeFolders(folder: string): Promise<void> {
  for (const part of ["originals", "thumbnails", "mail"]) await mkdir(join(folder, part), { recursive: true });
}

function checked(name: string): string {
  if (!isSafeName(name)) throw new Error(`"${name}" is not the name of a picture`);
  return name;
}
