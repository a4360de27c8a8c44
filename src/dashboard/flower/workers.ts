/** Flower's API of workers: what they say of themselves, and what they are told. */

import { ask } from "../../control/ask.ts";
import { isAlive } from "../../event/worker-record.ts";
import type { ActionRequest } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import { knownTasks } from "../page/names.ts";
import { shownAnswer } from "./shown-answer.ts";
import { parameters, perform, requiredText, saidBy, unknownWorker, wholeParameter } from "./dialect.ts";

/** As Flower asks them, with the names under which it shows the answers. */
const methods: readonly (readonly [shown: string, method: string, named: Readonly<Record<string, unknown>>])[] = [
  ["active", "active", { safe: true }],
  ["active_queues", "active_queues", {}],
  ["conf", "conf", { with_defaults: false }],
  ["registered", "registered", { taskinfoitems: [] }],
  ["reserved", "reserved", {}],
  ["revoked", "revoked", {}],
  ["scheduled", "scheduled", {}],
  ["stats", "stats", {}],
];
const patience = 1_000;
/** And all of them together, ms. */
const longest = 2_000;

export async function workers(visit: Visit): Promise<object> {
  const { inside } = visit;
  const params = await parameters(visit);
  const name = params.get("workername") ?? undefined;
  const now = inside.clock.now();
  const known = inside.cluster.workers;
  const worker = name === undefined ? undefined : known.find(({ hostname }) => hostname === name);
  if (name !== undefined && worker === undefined) throw unknownWorker(name);
  const wanted = worker === undefined ? known : [worker];
  if (isSet(params.get("status"))) {
    return Object.fromEntries(wanted.map((one) => [one.hostname, isAlive(one, now)]));
  }
  return inspect(visit, name === undefined ? undefined : [name]);
}

export const workerCommands: Readonly<Record<string, (visit: Visit) => Promise<object>>> = {
  shutdown: async (visit) => {
    await command(visit, "worker.shutdown", {});
    return { message: "Shutting down!" };
  },
  "pool/restart": async (visit) => {
    const { worker, result } = await command(visit, "worker.restart-pool", {});
    saidBy(result, worker, `Failed to restart the '${worker}' pool`);
    return { message: `Restarting '${worker}' worker's pool` };
  },
  "pool/grow": async (visit) => {
    const by = wholeParameter(await parameters(visit), "n", 1);
    const { worker, result } = await command(visit, "worker.grow", { by });
    saidBy(result, worker, `Failed to grow '${worker}' worker's pool`);
    return { message: `Growing '${worker}' worker's pool by ${String(by)}` };
  },
  "pool/shrink": async (visit) => {
    const by = wholeParameter(await parameters(visit), "n", 1);
    const { worker, result } = await command(visit, "worker.shrink", { by });
    saidBy(result, worker, `Failed to shrink '${worker}' worker's pool`);
    return { message: `Shrinking '${worker}' worker's pool by ${String(by)}` };
  },
  "pool/autoscale": async (visit) => {
    const params = await parameters(visit);
    const [min, max] = [wholeParameter(params, "min", 0), wholeParameter(params, "max", 1)];
    const { worker, result } = await command(visit, "worker.autoscale", { min, max });
    saidBy(result, worker, `Failed to autoscale '${worker}' worker`);
    return { message: `Autoscaling '${worker}' worker (min=${String(min)}, max=${String(max)})` };
  },
  "queue/add-consumer": async (visit) => {
    const queue = requiredText(await parameters(visit), "queue");
    const { worker, result } = await command(visit, "worker.add-consumer", { queue });
    return { message: saidBy(result, worker, `Failed to add '${queue}' consumer to '${worker}' worker`) };
  },
  "queue/cancel-consumer": async (visit) => {
    const queue = requiredText(await parameters(visit), "queue");
    const { worker, result } = await command(visit, "worker.cancel-consumer", { queue });
    return { message: saidBy(result, worker, `Failed to cancel '${queue}' consumer from '${worker}' worker`) };
  },
};

async function command(visit: Visit, kind: ActionRequest["do"], fields: object) {
  const worker = visit.params["worker"] ?? "";
  if (!visit.inside.cluster.workers.some(({ hostname }) => hostname === worker)) throw unknownWorker(worker);
  return { worker, result: await perform(visit, { do: kind, worker, ...fields } as ActionRequest) };
}

async function inspect({ inside, viewer, signal }: Visit, destination: readonly string[] | undefined): Promise<object> {
  const { connect, clock, cluster, settings } = inside;
  const { bus } = await connect();
  const showing = { viewer, redact: settings.redact, known: await knownTasks(inside, viewer) };
  const answers = new Map<string, Record<string, unknown>>();
  const limit = destination === undefined ? cluster.alive(clock.now()).length || undefined : undefined;
  await Promise.all(
    methods.map(async ([shown, method, named]) => {
      const question = { method, arguments: named, destination, timeout: patience, inAll: longest, limit };
      for (const [worker, answer] of await ask(bus, question, clock, signal)) {
        const facts = answers.get(worker) ?? { timestamp: clock.now() / 1000 };
        facts[shown] = shownAnswer(shown, answer, showing);
        answers.set(worker, facts);
      }
    }),
  );
  return Object.fromEntries(answers);
}

export function isSet(value: string | null): boolean {
  return value !== null && /^(?:1|true|yes|on)$/i.test(value);
}
