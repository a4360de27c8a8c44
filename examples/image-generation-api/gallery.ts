/** Where pictures lie. Workers write here and the API reads, so with several machines it is a shared disk or a bucket. */

import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** `draft`: as far as it is. */
export function picturePath(folder: string, id: string, draft = false): string {
  return join(folder, `${id}${draft ? ".draft" : ""}.png`);
}

/** Beside its place first: whoever reads sees the old picture or the new one, never half of it. */
export async function writePicture(path: string, content: Buffer): Promise<void> {
  const part = `${path}.${String(process.pid)}.part`;
  await writeFile(part, content);
  await rename(part, path);
}

export function removePicture(path: string): Promise<void> {
  return rm(path, { force: true });
}
