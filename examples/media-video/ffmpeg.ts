/** ffmpeg and ffprobe as processes: progress while they work, their own words when they fail, and an end with the signal. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

export interface Probe {
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
}

/** `told` hears how many seconds of the result are done. Rejects with the last that ffmpeg said, or with the signal's reason. */
export async function ffmpeg(
  args: readonly string[],
  signal: AbortSignal,
  told?: (seconds: number) => void,
): Promise<void> {
  // Progress goes to a pipe of ours: an ffmpeg whose parent was killed finds it broken at its next word, and ends too.
  const child = spawn("ffmpeg", ["-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  createInterface({ input: child.stdout }).on("line", (line) => {
    // Microseconds; N/A before the first picture.
    const done = /^out_time_us=(\d+)/.exec(line)?.[1];
    if (done !== undefined) told?.(Number(done) / 1_000_000);
  });
  const [said, [code]] = await Promise.all([text(child.stderr), closed]);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`ffmpeg ended with ${String(code)}: ${said.trim().slice(-2000)}`);
}

/** Rejects if the file is no video. */
export async function probe(file: string, signal: AbortSignal): Promise<Probe> {
  const args = [
    "-v",
    "error",
    "-select_streams",
    "v:0",
    "-show_entries",
    "stream=width,height:format=duration",
    "-of",
    "json",
  ];
  const child = spawn("ffprobe", [...args, file], { stdio: ["ignore", "pipe", "pipe"], signal });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (code !== 0) throw new Error(`${file} is no video that ffprobe can read: ${said.trim().slice(-500)}`);
  const { streams, format } = JSON.parse(out) as {
    readonly streams: readonly { readonly width: number; readonly height: number }[];
    readonly format: { readonly duration: string };
  };
  const [stream] = streams;
  if (stream === undefined) throw new Error(`${file} has no picture`);
  return { seconds: Number(format.duration), width: stream.width, height: stream.height };
}

/** True if it can be started. */
export async function isInstalled(program: "ffmpeg" | "ffprobe"): Promise<boolean> {
  const child = spawn(program, ["-version"], { stdio: "ignore" });
  return await once(child, "close").then(
    ([code]) => code === 0,
    () => false,
  );
}
