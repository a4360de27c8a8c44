/** Which faults a run has, and in which order: drawn from the seed, each kind once before any comes again. */

import type { Random } from "./random.ts";
import type { BrokerName } from "./stage.ts";

const onEveryBroker = {
  "kill worker": 5,
  "stop worker": 4,
  "end worker": 1,
  "end and kill worker": 1,
  "stop machine": 2,
  "kill machine": 2,
  "kill child": 4,
  "stop child": 2,
  "end child": 1,
  "two-port worker dies": 3,
  "kill scheduler": 2,
  "stop scheduler": 2,
  "end scheduler": 1,
  "kill dashboard": 1,
  "stop dashboard": 1,
  "full disk": 2,
  "worker clock jumps": 2,
} as const;
/** Of one client's line to its server, or servers. */
const onLines = {
  "cut line": 3,
  "refuse line": 1,
  "black hole": 2,
  "half-open up": 2,
  "half-open down": 2,
  "slow line": 1,
  "late line": 1,
  "uneven line": 1,
  "broken word": 2,
} as const;
const onRedis = {
  "kill redis": 2,
  "stop redis": 1,
  "full redis": 1,
  "flush scripts": 1,
  "cut connections": 2,
  "full disk ends redis": 1,
  "redis clock jumps": 1,
} as const;
const onRabbit = {
  "kill rabbitmq": 2,
  "stop rabbitmq": 1,
  "rabbitmq alarm": 1,
  "rabbitmq disk alarm": 1,
  "close connections": 1,
} as const;

export type Fault = keyof typeof onEveryBroker | keyof typeof onLines | keyof typeof onRedis | keyof typeof onRabbit;

export interface Setting {
  readonly broker: BrokerName;
  /** What cannot be done on this machine. */
  readonly impossible: ReadonlySet<Fault>;
}

/** Kinds that befall a queue on this broker, on a machine that can do everything. */
export function faultsOn(broker: BrokerName): readonly string[] {
  return Object.keys(weightsOn(broker));
}

/** `only`: names of the kinds to choose from; empty for all. Throws where this machine can have none of them. */
export function plan(random: Random, count: number, setting: Setting, only: readonly string[]): Fault[] {
  const all = weightsOn(setting.broker);
  for (const fault of setting.impossible) delete all[fault];
  const chosen = Object.entries(all).filter(([name]) => only.length === 0 || only.includes(name));
  if (chosen.length === 0) throw new Error(`this machine can have none of these faults: ${only.join(", ")}`);
  const weights: Partial<Record<Fault, number>> = Object.fromEntries(chosen);
  const each = shuffled(Object.keys(weights) as Fault[], random);
  const rest = Array.from({ length: Math.max(0, count - each.length) }, () =>
    random.weighted(weights as Record<Fault, number>),
  );
  return shuffled([...each, ...rest].slice(0, count), random);
}

function weightsOn(broker: BrokerName): Partial<Record<Fault, number>> {
  if (broker === "sqlite") return { ...onEveryBroker };
  if (broker === "redis") return { ...onEveryBroker, ...onRedis, ...onLines };
  // Its results lie on Redis, where each start is registered: every worker is of two ports, and none stores a result unregistered.
  const { "two-port worker dies": _unregistered, ...registered } = onEveryBroker;
  return { ...registered, ...onRedis, ...onLines, ...onRabbit };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
