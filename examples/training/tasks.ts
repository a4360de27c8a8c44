/**
 * The training: one task of minutes or days. After each epoch the network goes to a file, and its name with the epoch's figures is a checkpoint: a worker
 * that dies costs the epoch it was in. An epoch that is done again is the same to the bit.
 */

import { createHash } from "node:crypto";
import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { TaskContext } from "celeriac";
import { app } from "./app.ts";
import { drawCurve, type Epoch } from "./curve.ts";
import { type Digits, loadDigits } from "./digits.ts";
import { Network } from "./network.ts";
import { shuffled } from "./random.ts";

export interface Training {
  /** Where networks and the curve go; an absolute path, because workers may be started elsewhere. */
  readonly folder: string;
  readonly epochs: number;
  readonly hidden: number;
  readonly rate: number;
  readonly seed: number;
  /** Of the data, from 0 to 1. */
  readonly share: number;
  /** Epochs that an earlier training did, such as one that was cancelled. */
  readonly from?: readonly Kept[];
}

/** An epoch and the file in which its network lies. */
export interface Kept extends Epoch {
  readonly file: string;
}

export interface Trained {
  readonly epochs: readonly Kept[];
  readonly accuracy: number;
  readonly curve: string;
  /** SHA-256 of the network. */
  readonly digest: string;
}

/** Samples between two looks at `ctx.signal`. A multiple of the batch. */
const stretch = 320;

export const train = app.task(
  "digits.train",
  // Training for a week meets deploys and crashes that are not its fault.
  { crashes: 100 },
  async (job: Training, ctx: TaskContext): Promise<Trained> => {
    const { folder, hidden, seed, share } = job;
    await mkdir(folder, { recursive: true });
    const { training, test } = await loadDigits(share);
    const network = new Network(hidden, seed);
    const done: Kept[] = [...(job.from ?? [])];
    let loaded: string | undefined;
    for (let epoch = done.length + 1; epoch <= job.epochs; epoch++) {
      const kept = await ctx.checkpoint(`epoch-${String(epoch)}`, async (): Promise<Kept> => {
        const before = done.at(-1)?.file;
        if (before !== undefined && before !== loaded) network.load(await readFile(before));
        await appendFile(join(folder, "epochs.log"), `${String(epoch)}\n`);
        const loss = await learnEpoch(network, training, epoch, job, ctx);
        const file = join(folder, `epoch-${String(epoch)}.network`);
        await writeFile(`${file}.part`, network.save());
        await rename(`${file}.part`, file);
        loaded = file;
        return { epoch, loss, accuracy: network.accuracy(test), file };
      });
      done.push(kept);
      await writeFile(join(folder, "curve.svg"), drawCurve(done, job.epochs));
      // For whoever wants to go on after a cancel: the checkpoints belong to this task alone.
      await writeFile(join(folder, "kept.json"), JSON.stringify(done));
    }
    const last = done.at(-1);
    if (last === undefined) throw new RangeError("a training needs at least one epoch");
    const digest = createHash("sha256")
      .update(await readFile(last.file))
      .digest("hex");
    return { epochs: done, accuracy: last.accuracy, curve: join(folder, "curve.svg"), digest };
  },
);

/** Once through all samples, in an order of its own; answers the mean loss. */
async function learnEpoch(
  network: Network,
  training: Digits,
  epoch: number,
  { epochs, rate, seed }: Training,
  ctx: TaskContext,
): Promise<number> {
  const count = training.labels.length;
  const order = shuffled(count, seed + epoch);
  let loss = 0;
  for (let from = 0; from < count; from += stretch) {
    const part = order.subarray(from, from + stretch);
    loss += network.learn(training, part, rate) * part.length;
    const at = (epoch - 1) * count + from + part.length;
    ctx.progress(at, epochs * count, `epoch ${String(epoch)}, loss ${(loss / (from + part.length)).toFixed(3)}`);
    await turn(); // progress goes out, and a cancel comes in
    ctx.signal.throwIfAborted();
  }
  return loss / count;
}
