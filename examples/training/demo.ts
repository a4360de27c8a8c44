/**
 * `npm run example training`: the same training three times. Once undisturbed; once with its worker killed in the middle of epochs; once cancelled and
 * ordered again from where it was. All three must end with the same network, to the bit.
 */

import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AsyncResult } from "celeriac";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { SupervisedWorker } from "../harness/supervised-worker.ts";
import type { Kept, Trained, Training } from "./tasks.ts";

interface Outcome extends Summary {
  readonly epochs: number;
  /** On digits that were never trained on. */
  readonly accuracy: number;
  readonly kills: number;
  /** Epochs that were begun again after the kills: at most one each. */
  readonly epochsAgain: number;
  /** Epochs that the cancelled training had done, and the one that went on did not do again. */
  readonly epochsKept: number;
  readonly sameNetwork: boolean;
  readonly seconds: number;
}

async function run({ folder, broker, signal, say, options }: Stage<Outcome>): Promise<Outcome> {
  const epochs = Number(options["epochs"] ?? 6);
  if (!(Number.isInteger(epochs) && epochs >= 4 && epochs <= 500)) throw new Error("--epochs takes a number from 4");
  await using stack = new AsyncDisposableStack();
  const [{ app }, { train }] = await Promise.all([import("./app.ts"), import("./tasks.ts")]);
  stack.defer(() => app.close());
  const worker = stack.use(
    new SupervisedWorker({
      app: new URL("app.ts", import.meta.url),
      broker,
      name: "trainer",
      lease: "6s",
      args: ["-c", "1"],
    }),
  );
  const job = (name: string): Training => ({
    folder: join(folder, name),
    epochs,
    hidden: 32,
    rate: 0.02,
    seed: 42,
    share: 0.5, // so that three trainings are a matter of seconds
  });
  const began = performance.now();

  say("undisturbed:");
  const plain = await finish(await train.delay(job("plain")), say, signal);

  say("killed in epochs 2 and 4:");
  const killed = await train.delay(job("killed"));
  for (const epoch of [2, 4]) {
    await reach(killed, epoch, signal);
    say(`  SIGKILL to ${await worker.kill(signal)} in epoch ${epoch}; another has taken its place`);
  }
  const after = await finish(killed, say, signal);
  const log = (await readFile(join(folder, "killed", "epochs.log"), "utf8")).trimEnd().split("\n");

  say("cancelled in epoch 3, and ordered again from there:");
  const cancelled = await train.delay(job("cancelled"));
  await reach(cancelled, 3, signal);
  await cancelled.revoke({ terminate: true, reason: "the demo" });
  const end = await cancelled.get({ signal }).then(
    () => "SUCCESS",
    () => cancelled.state(),
  );
  const kept = JSON.parse(await readFile(join(folder, "cancelled", "kept.json"), "utf8")) as readonly Kept[];
  const resumed = await finish(await train.delay({ ...job("resumed"), from: kept }), say, signal);

  const problems: string[] = [];
  const digests = [plain, after, resumed].map(({ digest }) => digest);
  const sameNetwork = new Set(digests).size === 1;
  if (!sameNetwork) problems.push(`the networks differ: ${digests.join(", ")}`);
  const epochsAgain = log.length - epochs;
  if (epochsAgain > worker.kills) problems.push(`${epochsAgain} epochs were begun again after ${worker.kills} kills`);
  if (epochsAgain === 0) problems.push("the kills hit nothing");
  if (plain.accuracy < 0.9) problems.push(`it names ${(plain.accuracy * 100).toFixed(1)} % right: it has not learnt`);
  if (end !== "REVOKED") problems.push(`the cancelled training ended as ${String(end)}`);
  const again = (await readFile(join(folder, "resumed", "epochs.log"), "utf8")).trimEnd().split("\n");
  // How many it had done depends on how soon the cancel came.
  if (again[0] !== String(kept.length + 1) || kept.length < 2)
    problems.push(`it went on with epoch ${String(again[0])}`);
  const svg = await readFile(plain.curve, "utf8");
  if (!svg.includes("polyline")) problems.push("there is no curve");
  if (options["out"] !== undefined) await copyFile(plain.curve, options["out"]);
  return {
    ok: problems.length === 0,
    epochs,
    accuracy: Math.round(plain.accuracy * 1000) / 1000,
    kills: worker.kills,
    epochsAgain,
    epochsKept: kept.length,
    sameNetwork,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    problems,
  };
}

/** Waits until it is in the middle of this epoch, by what it says itself. */
async function reach(sent: AsyncResult<unknown>, epoch: number, signal: AbortSignal): Promise<void> {
  for await (const { progress, final } of sent.watch(signal)) {
    if (final) throw new Error(`it was over before epoch ${String(epoch)}`);
    if (Number(/^epoch (\d+)/.exec(progress?.note ?? "")?.[1] ?? 0) >= epoch) return;
  }
}

async function finish(sent: AsyncResult<Trained>, say: Stage["say"], signal: AbortSignal): Promise<Trained> {
  const trained = await sent.get({ signal });
  for (const { epoch, loss, accuracy } of trained.epochs)
    say(`  epoch ${epoch}  loss ${loss.toFixed(3)}  ${(accuracy * 100).toFixed(1)} % of the test right`);
  return trained;
}

await runDemo<Outcome>({
  name: "training",
  about: `A network that learns to read digits, killed and cancelled on the way.

  --epochs N       default: 6
  --out FILE       where the learning curve goes (SVG)`,
  options: ["epochs", "out"],
  run,
  print: ({ epochs, accuracy, kills, epochsAgain, epochsKept, sameNetwork, seconds }, say) => {
    say();
    say(`epochs         ${epochs}`);
    say(`accuracy       ${(accuracy * 100).toFixed(1)} % of digits it has never seen`);
    say(`kills          ${kills}; epochs begun again: ${epochsAgain}`);
    say(`cancelled      the next one went on after its ${epochsKept} epochs`);
    say(`same network   ${sameNetwork ? "yes, to the bit, all three times" : "NO"}`);
    say(`seconds        ${seconds}`);
  },
});
