/** "Your upload is in": light work that may be lost, so a background task and not a task. Writes a file instead of talking to a mail server. */

import { writeFile } from "node:fs/promises";
import { mailPath } from "./media-folder.ts";

export async function sendUploadMail(folder: string, image: string, bytes: number): Promise<void> {
  const text = [
    "From: media@example.org",
    "To: photographer@example.org",
    `Date: ${new Date().toUTCString()}`,
    `Subject: Your upload ${image} is in`,
    "",
    `We have received ${image} (${Math.ceil(bytes / 1024)} KiB). Its thumbnails are being made.`,
    "",
  ].join("\r\n");
  await writeFile(mailPath(folder, image), text);
}
