/** `npm run example media-video`: a video in three sizes for the web, its worker killed on the way; ffprobe and ffmpeg say what came of it. */

import { randomUUID } from "node:crypto";
import { cp, mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { Skipped } from "../harness/skipped.ts";
import { SupervisedWorker } from "../harness/supervised-worker.ts";
import { ffmpeg, isInstalled, probe } from "./ffmpeg.ts";
import { makeSource } from "./source-video.ts";
import type { Rendered } from "./tasks.ts";

interface Outcome extends Summary {
  readonly videoSeconds: number;
  readonly renditions: readonly Rendered[];
  readonly kills: number;
  /** Times that somebody who watched heard of progress. */
  readonly progress: number;
  readonly seconds: number;
}

const heights = [360, 240, 144];

async function run({ folder, broker, signal, say, options }: Stage<Outcome>): Promise<Outcome> {
  for (const program of ["ffmpeg", "ffprobe"] as const) {
    if (!(await isInstalled(program)))
      throw new Skipped(`${program} is not installed: apt-get install ffmpeg, brew install ffmpeg`);
  }
  await using stack = new AsyncDisposableStack();
  const source = options["video"] === undefined ? join(folder, "source.mp4") : resolve(options["video"]);
  if (options["video"] === undefined) await makeSource(source, signal);
  const { seconds: videoSeconds } = await probe(source, signal);
  const out = join(folder, "hls");
  await mkdir(out);
  const [{ app }, { render, tie }, { chord }] = await Promise.all([
    import("./app.ts"),
    import("./tasks.ts"),
    import("celeriac"),
  ]);
  stack.defer(() => app.close());
  const worker = stack.use(
    new SupervisedWorker({ app: new URL("app.ts", import.meta.url), broker, name: "video", lease: "6s" }),
  );
  await worker.ready(signal);
  const began = performance.now();
  const orders = heights.map((height) => ({ id: randomUUID(), height }));
  const members = orders.map(({ id, height }) => render.si({ source, folder: out, height }).set({ id }));
  const sent = await app.delay(chord(members, tie.s()));
  say(`a video of ${videoSeconds.toFixed(1)} s in ${heights.length} sizes`);

  const renditions: Rendered[] = [];
  const heard: number[][] = [];
  const halfway = Promise.withResolvers<void>();
  const watching = orders.map(async ({ id, height }, index) => {
    const own: number[] = (heard[index] = []);
    let told = -1;
    for await (const { progress, result } of app.result<Rendered>(id).watch(signal)) {
      if (result !== undefined) renditions.push(result);
      if (progress?.total === undefined) continue;
      own.push(progress.done);
      const tenth = Math.floor((progress.done / progress.total) * 10);
      if (tenth !== told) say(`  ${String(height).padStart(4)}p  ${String(tenth * 10).padStart(3)} %`);
      told = tenth;
      if (progress.done > progress.total * 0.25) halfway.resolve();
    }
  });
  await Promise.race([halfway.promise, Promise.all(watching)]);
  say(`SIGKILL to ${await worker.kill(signal)}; another has taken its place`);
  await Promise.all(watching);
  const master = await sent.get({ signal });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  if (options["out"] !== undefined) await cp(out, options["out"], { recursive: true });

  const problems = await judge({ out, master, renditions, videoSeconds, signal });
  const silent = heights.filter((_, index) => (heard[index]?.length ?? 0) < 2);
  if (silent.length > 0) problems.push(`no progress was heard of ${silent.join(", ")}`);
  return {
    ok: problems.length === 0,
    videoSeconds,
    renditions: renditions.toSorted((a, b) => a.height - b.height),
    kills: worker.kills,
    progress: heard.flat().length,
    seconds,
    problems,
  };
}

/** Everything is decoded, as a player would. */
async function judge(of: {
  readonly out: string;
  readonly master: string;
  readonly renditions: readonly Rendered[];
  readonly videoSeconds: number;
  readonly signal: AbortSignal;
}): Promise<string[]> {
  const problems: string[] = [];
  if (of.renditions.length !== heights.length) problems.push(`${of.renditions.length} sizes came`);
  for (const { name, width, height, bandwidth } of of.renditions) {
    const playlist = join(of.out, name, "index.m3u8");
    const got = await probe(playlist, of.signal);
    if (got.height !== height || got.width !== width) problems.push(`${name} is ${got.width} × ${got.height}`);
    if (Math.abs(got.seconds - of.videoSeconds) > 0.5) problems.push(`${name} has ${got.seconds} s`);
    if (!of.master.includes(`BANDWIDTH=${bandwidth},RESOLUTION=${width}x${height}\n${name}/index.m3u8`))
      problems.push(`the list does not name ${name}`);
    // Stops at the first thing that cannot be decoded.
    await ffmpeg(["-xerror", "-i", playlist, "-f", "null", "-"], of.signal).catch((error: unknown) =>
      problems.push(`${name} cannot be played: ${String(error)}`),
    );
  }
  const drafts = (await readdir(of.out)).filter((name) => name.startsWith("."));
  // A killed worker cannot tidy up; one draft for each task that it had.
  if (drafts.length > heights.length) problems.push(`${drafts.length} drafts are left`);
  return problems;
}

await runDemo<Outcome>({
  name: "media-video",
  about: `A video for the web (HLS) in three sizes, made by ffmpeg.

  --video FILE     a video of your own
  --out DIR        where the result goes: play DIR/master.m3u8`,
  options: ["video", "out"],
  run,
  print: ({ videoSeconds, renditions, kills, progress, seconds }, say) => {
    say();
    say(`video       ${videoSeconds.toFixed(1)} s`);
    for (const { name, width, height, segments, bandwidth } of renditions)
      say(
        `${name.padEnd(11)} ${width} × ${height}, ${segments} segments, at most ${Math.round(bandwidth / 1000)} kbit/s`,
      );
    say(`kills       ${kills}`);
    say(`progress    heard ${progress} times`);
    say(`seconds     ${seconds}`);
  },
});
