/** Takes a picture from a request into the folder of originals: its name made safe, its bytes proven to be a picture before anybody gets an id. */

import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import sharp from "sharp";
import { originalPath } from "./media-folder.ts";

export interface Upload {
  readonly image: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
}

export class NotAPicture extends Error {
  override readonly name = "NotAPicture";
  readonly statusCode = 415;
}

/** Rejects with NotAPicture. Pictures over 100 megapixels are refused: a small file can unpack to gigabytes. */
export async function keepUpload(folder: string, name: string, content: Buffer): Promise<Upload> {
  const { width, height, format } = await sharp(content, { limitInputPixels: 100_000_000 })
    .metadata()
    .catch((error: unknown) => {
      throw new NotAPicture("this file is no picture that can be read; send a JPEG, PNG, WebP or AVIF", {
        cause: error,
      });
    });
  const extension = { jpeg: "jpg", png: "png", webp: "webp", heif: "avif", avif: "avif" }[format as string];
  if (extension === undefined)
    throw new NotAPicture(`${format} pictures are not taken; send a JPEG, PNG, WebP or AVIF`);
  const stem = name
    .slice(0, name.length - extname(name).length)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  // Random, so that two uploads of one name are two pictures.
  const image = `${stem.slice(0, 40) || "picture"}-${randomBytes(4).toString("hex")}.${extension}`;
  const path = originalPath(folder, image);
  try {
    await writeFile(path, content, { flag: "wx" });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { image, bytes: content.length, width, height };
}
