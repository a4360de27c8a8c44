/**
 * Whether keys that take turns are served evenly, and what that costs: a thousand tenants, one of them with a flood that lies before all others,
 * against the same tasks without keys. Bounds: Jain's index of at least 0.95, at most 20 % less throughput.
 *
 *   npm run bench -- fairness [--rounds 3] [--tenants 1000] [--flood 20000] [--each 20] [--docs] [--keep-build] [--json]
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { short } from "./report.ts";
import { openServer, type Server } from "./server.ts";
import { median } from "./statistics.ts";
import type { Round } from "./tenants.ts";

const leastJain = 0.95;
const mostCost = 0.2;
const brokers = ["redis", "sqlite"] as const;

interface Row {
  readonly broker: (typeof brokers)[number];
  readonly fair: Round;
  readonly plain: Round;
  /** Of sending and running one task after the other: what part of the throughput is gone. */
  readonly cost: number;
}

/** Whether both bounds are kept on each broker. */
export async function fairness(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "3" },
      tenants: { type: "string", default: "1000" },
      flood: { type: "string", default: "20000" },
      each: { type: "string", default: "20" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { rounds, tenants, flood, each } = values;
  const sizes = [rounds, tenants, flood, each].map(Number);
  if (!sizes.every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--rounds, --tenants, --flood and --each take whole numbers");
  const occasion = await beginOccasion(values["keep-build"]);
  const rows: Row[] = [];
  for (const broker of brokers) rows.push(await compared(broker, Number(rounds), [tenants, flood, each]));
  const facts = occasion.facts();
  const report = { facts, rounds, tenants, flood, each, rows };
  await occasion.store("fairness", report);
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${tableOf(rows)}\n`);
  if (values.docs) {
    const command = `npm run bench -- fairness --rounds ${rounds} --tenants ${tenants} --flood ${flood} --each ${each}`;
    await writeBlock("docs/performance.md", "fairness", `${tableOf(rows)}\n\n${sentenceOf(facts, command)}`);
  }
  return rows.every(({ fair, cost }) => fair.jain >= leastJain && cost <= mostCost);
}

/** In turn, so that what disturbs the machine meets both. */
async function compared(broker: Row["broker"], rounds: number, sizes: readonly string[]): Promise<Row> {
  await using server = await openServer(broker);
  const found: Record<"fair" | "plain", Round[]> = { fair: [], plain: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const mode of ["plain", "fair"] as const) {
      const one = await roundOf(server, mode, sizes);
      found[mode].push(one);
      const text = `${short(one.sent)} sent/s, ${short(one.run)} run/s, Jain ${one.jain.toFixed(3)}`;
      process.stderr.write(`${broker} ${String(round)}/${String(rounds)} ${mode}: ${text}\n`);
    }
  }
  const [fair, plain] = [middleOf(found.fair), middleOf(found.plain)];
  return { broker, fair, plain, cost: 1 - timeOf(plain) / timeOf(fair) };
}

/** Of one task, from its call to its end. */
function timeOf({ sent, run }: Round): number {
  return 1 / sent + 1 / run;
}

async function roundOf(server: Server, mode: string, sizes: readonly string[]): Promise<Round> {
  await server.clear();
  const { address, durable } = server;
  const url = address.startsWith("/") ? `sqlite://${address}?durability=${durable ? "power" : "process"}` : address;
  const child = fork(join(import.meta.dirname, "tenants.ts"), [url, mode, ...sizes], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the measured process ended with ${String(code)}`);
  });
  const [round] = (await Promise.race([once(child, "message"), ended])) as [Round];
  await ended.catch(() => {});
  return round;
}

/** Rates: the middle one. Evenness: the worst. */
function middleOf(rounds: readonly Round[]): Round {
  return {
    sent: median(rounds.map(({ sent }) => sent)),
    run: median(rounds.map(({ run }) => run)),
    jain: Math.min(...rounds.map(({ jain }) => jain)),
  };
}

function tableOf(rows: readonly Row[]): string {
  const head = ["", "Jain's index", "without keys", "sent/s", "without keys", "run/s", "without keys", "throughput"];
  const cells = rows.map(({ broker, fair, plain, cost }) => [
    broker,
    `${fair.jain.toFixed(3)}${fair.jain < leastJain ? " **under it**" : ""}`,
    plain.jain.toFixed(3),
    short(fair.sent),
    short(plain.sent),
    short(fair.run),
    short(plain.run),
    `${cost > 0 ? "−" : "+"}${String(Math.abs(Math.round(cost * 100)))} %${cost > mostCost ? " **over it**" : ""}`,
  ]);
  const bounds = `Bounds: an index of at least ${String(leastJain)}, at most ${String(mostCost * 100)} % less throughput.`;
  return `${markdownTable(head, cells)}

${bounds}`;
}
