/**
 * A soak: steady load and a fault now and then for as long as wanted, and one worker, one scheduler and the dashboard that no signal
 * hits are watched for memory, descriptors and handles that grow, and the broker for what is left behind.
 *
 *   npm run soak -- --minutes 60 [--broker sqlite|redis|rabbitmq] [--rate 20] [--every 10] [--seed 7] [--lease 3000] [--sweep 500]
 *     [--json FILE] [--keep]
 *
 * `rate`: tasks a second; `every`: seconds between two faults. Exit code 0: no promise was broken, and nothing grew. 1: one was, or something did.
 * 2: it was asked for what there is not.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { amountOf, brokerOf, brokers, countOf, orEnd } from "./arguments.ts";
import { type Fault, plan } from "./fault-plan.ts";
import { pause, strike } from "./faults.ts";
import { finish } from "./finish.ts";
import { History } from "./history.ts";
import { type Leftovers, leftovers } from "./leftovers.ts";
import { Observer } from "./observer.ts";
import { partsOf } from "./play.ts";
import { Random } from "./random.ts";
import { growths, leaks } from "./soak-check.ts";
import { Stage } from "./stage.ts";
import { Watch } from "./watch.ts";
import { draw } from "./workload.ts";

const asked = orEnd(() => {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      broker: { type: "string", default: "sqlite" },
      rate: { type: "string", default: "20" },
      every: { type: "string", default: "10" },
      seed: { type: "string", default: "7" },
      lease: { type: "string", default: "3000" },
      sweep: { type: "string", default: "500" },
      json: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  return {
    ...values,
    broker: brokerOf(values.broker, brokers),
    minutes: amountOf("minutes", values.minutes),
    rate: amountOf("rate", values.rate),
    every: amountOf("every", values.every),
    seed: countOf("seed", values.seed, 0),
    lease: countOf("lease", values.lease, 1),
    sweep: countOf("sweep", values.sweep, 1),
  };
});
const { broker, minutes, rate, every, seed, lease, sweep } = asked;
/** Tasks are drawn for so many ms at once: every kind is among each draw. */
const batch = 30_000;
/** Ms between two looks at the processes. */
const lookEvery = 2000;

process.exitCode = await soak();

async function soak(): Promise<number> {
  const stage = await Stage.open({ broker, lease, sweep, keep: asked.keep, verbose: false, watched: true });
  let observer: Observer | undefined;
  const watch = new Watch({ worker: stage.workers, scheduler: stage.schedulers, dashboard: stage.dashboard });
  try {
    for (const [fault, why] of stage.impossible) process.stderr.write(`SKIPPED: ${fault}: ${why}\n`);
    await stage.start();
    observer = await Observer.open();
    const random = new Random(seed);
    const [length, until] = [minutes * 60_000, performance.now() + minutes * 60_000];
    watch.start(lookEvery);
    const [struck, half] = await Promise.all([
      strikes(stage, random, until),
      pause(length / 2).then(() => leftoversOf(stage)),
      load(stage, observer, length, until),
    ]);
    watch.stop();
    const history = new History();
    const { violations, ...figures } = await finish(stage, observer, struck, history);
    const end = await leftoversOf(stage);
    const grown = growths(watch.samples, history);
    const dead = Object.entries(end).find(([name]) => /dead/.test(name))?.[1] ?? 0;
    const found = [...violations, ...leaks(grown, half, end, dead)];
    const result = {
      broker,
      minutes,
      rate,
      every,
      seed,
      ...figures,
      grown,
      left: { half, end },
      violations: found.length,
      first: found.slice(0, 50),
    };
    if (asked.json !== undefined) writeFileSync(asked.json, `${JSON.stringify(result, undefined, 2)}\n`);
    process.stdout.write(`${found.length === 0 ? "✓ green" : "✗ red"} ${JSON.stringify(result)}\n`);
    return found.length === 0 ? 0 : 1;
  } finally {
    watch.stop();
    await observer?.close();
    await stage.close();
  }
}

async function load(stage: Stage, observer: Observer, length: number, until: number): Promise<void> {
  const random = new Random(seed + 1);
  const span = Math.min(batch, length);
  for (let first = 0; performance.now() < until;) {
    const jobs = draw(random, Math.ceil((rate * span) / 1000), first);
    first += jobs.length;
    const began = performance.now();
    await observer.send(jobs, stage.setup.lease, () => (performance.now() - began) / span, stage.journal);
  }
}

/** All kinds but steps of the server's clock: after one that puts it forward no tick is owed for an hour. */
async function strikes(stage: Stage, random: Random, until: number): Promise<readonly Fault[]> {
  const impossible = new Set<Fault>([...stage.impossible.keys(), "redis clock jumps"]);
  const setting = { broker, impossible };
  const parts = partsOf(stage, random);
  const struck: Fault[] = [];
  for (const fault of plan(random, Math.ceil((minutes * 60) / every), setting, [])) {
    await pause(every * 1000 * random.between(0.6, 1.1));
    if (performance.now() >= until) break;
    struck.push(fault);
    await strike(fault, parts);
  }
  return struck;
}

/** A server that a fault has just stopped is asked again. */
async function leftoversOf(stage: Stage): Promise<Leftovers> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await leftovers(stage);
    } catch (error) {
      if (attempt === 10) throw error;
      await pause(1000);
    }
  }
}
