/** What workers run. */

import { app } from "./app.ts";

export const resize = app.task("image.resize", async (image: { file: string; width: number }, ctx) => {
  ctx.log.info(`resizing ${image.file}`);
  return { file: `${image.file}@${String(image.width)}`, bytes: image.width * 3 };
});

export const writeReport = app.task("report.write", () => new Date());
