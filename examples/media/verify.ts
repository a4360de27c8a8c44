/**
 * The verdict, by a process that has taken part in nothing: reads which tasks were accepted, asks the store for each, opens each
 * thumbnail again. `node verify.ts FOLDER`, with CELERIAC_BROKER and MEDIA_QUEUE set; prints one JSON object; exits 0 if all is well.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { app } from "./app.ts";
import type { Accepted } from "./client.ts";
import { countReruns, readJournal } from "./journal.ts";
import { thumbnailPath } from "./media-folder.ts";
import type { Thumbnail } from "./tasks.ts";
import { fileNameOf, heightOf } from "./variation.ts";

export interface Verdict {
  readonly accepted: number;
  /** Final, SUCCESS, and the thumbnail is what was ordered. */
  readonly succeeded: number;
  /** Final, but not so. */
  readonly failed: number;
  /** Not final. */
  readonly lost: number;
  /** Runs beyond the first, from the tasks' own journal. */
  readonly rerun: number;
  /** Messages still in the queue or in the dead letters. */
  readonly left: number;
  /** At most ten of what is wrong. */
  readonly problems: readonly string[];
}

sharp.cache(false);

async function judge(folder: string, queue: string): Promise<Verdict> {
  const accepted = readAccepted(folder);
  const problems: string[] = [];
  let succeeded = 0;
  let lost = 0;
  if (new Set(accepted.map(({ id }) => id)).size !== accepted.length)
    problems.push("two accepted tasks have the same id");
  await inLanes(4, accepted, async (task) => {
    const state = await app.result(task.id).state();
    if (state !== "SUCCESS" && state !== "FAILURE" && state !== "REVOKED") {
      lost++;
      problems.push(`${task.id}: ${state}`);
      return;
    }
    try {
      await check(folder, task, (await app.result(task.id).get({ timeout: "60s" })) as Thumbnail);
      succeeded++;
    } catch (error) {
      problems.push(`${task.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  const left = await countLeft(queue);
  if (left > 0) problems.push(`${left} messages are left in ${queue} or its dead letters`);
  const failed = accepted.length - succeeded - lost;
  const rerun = countReruns(readJournal(folder));
  return { accepted: accepted.length, succeeded, failed, lost, rerun, left, problems: problems.slice(0, 10) };
}

function readAccepted(folder: string): readonly Accepted[] {
  const text = readFileSync(join(folder, "accepted.ndjson"), "utf8").trimEnd();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Accepted);
}

/** Rejects unless the file is the ordered picture, whole: every pixel is decoded. */
async function check(folder: string, task: Accepted, result: Thumbnail): Promise<void> {
  const file = fileNameOf(task.image, task);
  const content = await readFile(thumbnailPath(folder, file));
  const picture = sharp(content, { failOn: "warning" });
  const { format, compression } = await picture.metadata();
  const { info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const expect = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) throw new Error(`${file}: ${what} is ${String(found)}, not ${String(wanted)}`);
  };
  expect("format", format === "heif" && compression === "av1" ? "avif" : format, task.format);
  expect("width", info.width, task.width);
  expect("height", info.height, heightOf(task));
  expect("the stored result's file", result.file, file);
  expect("the stored result's size in bytes", result.bytes, content.length);
}

async function countLeft(queue: string): Promise<number> {
  const state = (await app.queues.list()).find(({ name }) => name === queue);
  const ready = (state?.ready ?? []).reduce((sum, { count }) => sum + count, 0);
  const dead = await app.dead.list({ queue }, undefined, 100);
  return ready + (state?.delayed ?? 0) + (state?.leased ?? 0) + dead.items.length;
}

async function inLanes<T>(lanes: number, items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const [folder] = process.argv.slice(2);
const queue = process.env["MEDIA_QUEUE"];
if (folder === undefined || queue === undefined) throw new Error("usage: MEDIA_QUEUE=… node verify.ts FOLDER");
try {
  const verdict = await judge(folder, queue);
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  const whole = verdict.accepted > 0 && verdict.succeeded === verdict.accepted && verdict.problems.length === 0;
  process.exitCode = whole ? 0 : 1;
} finally {
  await app.close();
}
