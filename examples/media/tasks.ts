/** Thumbnails, made with sharp. Running one twice does no harm: the file is written beside its place and renamed into it. */

import { randomUUID } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import type { TaskContext } from "celeriac";
import sharp from "sharp";
import { app } from "./app.ts";
import { noteEnd, noteStart } from "./journal.ts";
import { originalPath, thumbnailPath } from "./media-folder.ts";
import { fileNameOf, heightOf, type Variation } from "./variation.ts";

// The pool runs as many tasks as there are cores; each needs one thread, and no cache of pictures that come once.
sharp.concurrency(1);
sharp.cache(false);

export interface ThumbnailJob extends Variation {
  /** The media folder; an absolute path, because workers may be started elsewhere. */
  readonly folder: string;
  readonly image: string;
}

export interface Thumbnail {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

export const thumbnail = app.task(
  "media.thumbnail",
  { timeLimit: "60s", retry: { limit: 2, delay: "1s" } },
  async (job: ThumbnailJob, ctx: TaskContext): Promise<Thumbnail> => {
    noteStart(job.folder, ctx);
    ctx.progress(0, 2, "resizing");
    const picture = sharp(originalPath(job.folder, job.image), { failOn: "error" })
      .rotate() // as the camera was held
      .resize(job.width, heightOf(job), { fit: "cover", position: "attention" });
    const file = fileNameOf(job.image, job);
    const target = thumbnailPath(job.folder, file);
    const draft = `${target}.${randomUUID()}.tmp`;
    ctx.progress(1, 2, `encoding ${job.format}`);
    try {
      // AVIF at its default effort takes ten times as long as the three others together.
      await picture.toFormat(job.format, job.format === "avif" ? { effort: 0 } : {}).toFile(draft);
      ctx.signal.throwIfAborted();
      const { size } = await stat(draft);
      await rename(draft, target);
      noteEnd(job.folder, ctx);
      return { file, width: job.width, height: heightOf(job), bytes: size };
    } finally {
      await rm(draft, { force: true });
    }
  },
);
