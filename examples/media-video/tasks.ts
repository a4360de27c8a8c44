/**
 * A video for the web: one task for each size, side by side on whatever workers there are, and one that ties them together when all are done. A task that
 * is started again begins in a folder of its own and puts it in place when it is whole.
 */

import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TaskContext } from "celeriac";
import { app } from "./app.ts";
import { ffmpeg, probe } from "./ffmpeg.ts";

export interface Rendition {
  /** Absolute, because workers may be started elsewhere. */
  readonly source: string;
  readonly folder: string;
  readonly height: number;
}

export interface Rendered {
  readonly folder: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly segments: number;
  /** Bits a second, at most, as players want to know it. */
  readonly bandwidth: number;
}

/** Seconds of video in a segment: a player changes size between two of them. */
const segment = 4;

export const render = app.task(
  "video.render",
  { timeLimit: "2h", retry: { limit: 2, delay: "5s" } },
  async ({ source, folder, height }: Rendition, ctx: TaskContext): Promise<Rendered> => {
    const { seconds, ...size } = await probe(source, ctx.signal);
    const width = Math.round((size.width * height) / size.height / 2) * 2;
    const name = `${String(height)}p`;
    const draft = join(folder, `.${name}-${ctx.id}-${String(ctx.fence)}`);
    await mkdir(draft, { recursive: true });
    try {
      await ffmpeg(hlsArguments(source, height, draft), ctx.signal, (done) =>
        ctx.progress(Math.min(done, seconds), seconds, name),
      );
      await rm(join(folder, name), { recursive: true, force: true });
      await rename(draft, join(folder, name));
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    const files = (await readdir(join(folder, name))).filter((file) => file.endsWith(".ts"));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, name, file))).size));
    const bandwidth = Math.ceil((Math.max(...sizes) * 8) / Math.min(segment, seconds));
    return { folder, name, width, height, seconds, segments: files.length, bandwidth };
  },
);

/** The list from which a player chooses, the smallest first: with that it can begin at once. Its input is what the sizes came to. */
export const tie = app.task("video.tie", async (renditions: readonly Rendered[]): Promise<string> => {
  const sorted = renditions.toSorted((a, b) => a.height - b.height);
  const [first] = sorted;
  if (first === undefined) throw new RangeError("a video needs at least one size");
  const entries = sorted.map(
    ({ name, width, height, bandwidth }) =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${String(bandwidth)},RESOLUTION=${String(width)}x${String(height)}\n${name}/index.m3u8\n`,
  );
  const list = `#EXTM3U\n#EXT-X-VERSION:3\n${entries.join("")}`;
  const master = join(first.folder, "master.m3u8");
  await writeFile(`${master}.part`, list);
  await rename(`${master}.part`, master);
  return list;
});

function hlsArguments(source: string, height: number, folder: string): readonly string[] {
  return [
    ["-y", "-i", source, "-vf", `scale=-2:${String(height)}`],
    // One thread: the pool runs as many tasks as there are cores.
    ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1"],
    // A segment begins with a whole picture.
    ["-force_key_frames", `expr:gte(t,n_forced*${String(segment)})`, "-c:a", "aac", "-b:a", "96k", "-ac", "2"],
    ["-f", "hls", "-hls_time", String(segment), "-hls_playlist_type", "vod"],
    ["-hls_segment_filename", join(folder, "%04d.ts"), join(folder, "index.m3u8")],
  ].flat();
}
