/**
 * Bugs seeded into a copy of the sources, to check the checker: a run with any of them must be red. Each is a text that is
 * replaced by another; a text that is no longer found is an error, so that the list can't rot.
 */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export interface Bug {
  readonly says: string;
  /** Kinds of faults that can bring it to light, separated by commas; others would only take their place. Default: all. */
  readonly only?: string;
  /** A worker of Python's Celery runs beside ours. */
  readonly python?: boolean;
  /** By the brokers on which it makes sense. */
  readonly patches: Readonly<Partial<Record<BuggyBroker, readonly Patch[]>>>;
}

export type BuggyBroker = "sqlite" | "redis" | "rabbitmq";

const noBudget: readonly Patch[] = [
  {
    file: "src/worker/intake.ts",
    find: "return crashes >= definition.crashes ?",
    put: "return crashes >= definition.crashes * 1e9 ?",
  },
  {
    file: "src/worker/settlement.ts",
    find: "&& crashes >= definition.crashes;",
    put: "&& crashes >= definition.crashes * 1e9;",
  },
];
const ackOnReceive: readonly Patch[] = [
  {
    file: "src/worker/starter.ts",
    find: 'if (execution.definition.ack === "early") once.push(execution);',
    put: "if (execution) once.push(execution);",
  },
  {
    file: "src/worker/starter.ts",
    find: 'for (const execution of executions) if (execution.definition.ack !== "early") run(execution);',
    put: "",
  },
];
const noLaunch: readonly Patch[] = [
  {
    file: "src/worker/settlement.ts",
    find: '        then: { kind: "ack" },\n        ...list("follow", follow.sends),\n        ...list("arrive", arrivalsOf(headers, embed, end)),\n',
    put: '        then: { kind: "ack" },\n        ...list("arrive", arrivalsOf(headers, embed, end)),\n',
  },
];
/** From a full chord to its body lies a round trip; it is made long enough to be hit. */
const arriveOnce: readonly Patch[] = [
  {
    file: "src/worker/chord-end.ts",
    find: "options.clock.every(options.sweep, () => void this.sweep())",
    put: "options.clock.every(options.sweep, () => {})",
  },
  {
    file: "src/worker/chord-end.ts",
    find: "    const done = work()\n",
    put: "    const done = new Promise((resolve) => setTimeout(resolve, 2000)).then(work)\n",
  },
];
const believesItself: readonly Patch[] = [
  { file: "src/worker/flow.ts", find: 'execution.interrupted = "lease-lost";', put: "" },
  { file: "src/worker/flow.ts", find: 'execution.abort.abort("lease-lost");', put: "" },
];

/** Between the pop and the record of it lies a round trip; it is made long enough to be hit. */
const popThenRecord: Bug["patches"] = {
  redis: [
    {
      file: "src/driver/redis/script/claim.ts",
      find: "  call('HSET', unacked, unpack(entries))\n  call('ZADD', index, unpack(scores))\n",
      put: "",
    },
    {
      file: "src/driver/redis/claimer.ts",
      find: "    const deliveries: RedisDelivery[] = [];\n",
      put: `    const deliveries: RedisDelivery[] = [];
    if (entries.length > 0) await new Promise((resolve) => setTimeout(resolve, 200));
    for (let i = 0; i + 1 < entries.length; i += 2) {
      const [id, raw] = [String(entries[i]), String(entries[i + 1])];
      const queue = id.split(".").slice(2).join(".");
      const lua = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])";
      const entry = "[" + raw + ',"","' + queue + '"]';
      await this.#context.run({ name: "record", lua, atFull: true }, [keys.unacked, keys.index], [id, entry, String(Number(String(time)) / 1000)]);
    }
`,
    },
  ],
  // State 3 is nowhere: out of the queue, and in no list that the reaper looks at.
  sqlite: [
    {
      file: "src/driver/sqlite/claiming.ts",
      find: '"UPDATE celeriac_task SET state = 2, lease = ?, owner = ?',
      put: '"UPDATE celeriac_task SET state = 3, lease = ?, owner = ?',
    },
    {
      file: "src/driver/sqlite/claiming.ts",
      find: "  readonly #peek: Statement;\n",
      put: "  readonly #peek: Statement;\n  readonly #record: Statement;\n",
    },
    {
      file: "src/driver/sqlite/claiming.ts",
      find: "    this.#peek = db.prepare(",
      put: '    this.#record = db.prepare("UPDATE celeriac_task SET state = 2 WHERE state = 3 AND fence = ?");\n    this.#peek = db.prepare(',
    },
    {
      file: "src/driver/sqlite/claiming.ts",
      find: "    turn.after.push(() => {\n      for (const { seq, noted, large } of picked)",
      put: `    turn.after.push(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      for (let done = false; !done; ) {
        try {
          this.#record.run(fence);
          done = true;
        } catch {}
      }
      for (const { seq, noted, large } of picked)`,
    },
  ],
};

const noLeaseCheck: Bug["patches"] = {
  redis: [
    ...believesItself,
    {
      file: "src/driver/redis/script/settle.ts",
      find: "  if not alive[i] then\n",
      put: "  if not alive[i] and false then\n",
    },
    {
      file: "src/driver/redis/delivery.ts",
      find: 'return this.isLost ? { kind: "lost" } : undefined;',
      put: "return undefined;",
    },
  ],
  sqlite: [
    ...believesItself,
    {
      file: "src/driver/sqlite/settling.ts",
      find: "const mine = held !== undefined && held.fence === settlement.fence && !turn.ended.has(settlement.seq);",
      put: "const mine = !turn.ended.has(settlement.seq);",
    },
    {
      file: "src/driver/sqlite/settling.ts",
      find: "this.#settleOne(batch, held, settlement, turn)",
      put: "this.#settleOne(batch, held ?? ({ noted: false, large: false } as HeldTask), settlement, turn)",
    },
    {
      file: "src/driver/sqlite/settling.ts",
      find: "if (end === ending.ack && !held.noted) {",
      put: "if (end === ending.ack) {",
    },
    {
      file: "src/driver/sqlite/settling.ts",
      find: '"DELETE FROM celeriac_task WHERE seq = ? AND fence = ? AND state = 2"',
      put: '"DELETE FROM celeriac_task WHERE seq = ?1 AND ?2 > 0"',
    },
  ],
};

const noDedupe: Bug["patches"] = {
  redis: [
    {
      file: "src/driver/redis/script/publish.ts",
      find: "fresh, there = begin_once(seen, nonce, ARGV[i + 2])",
      put: "fresh, there = true, nil",
    },
    {
      file: "src/driver/redis/script/publish.ts",
      find: "        if nonce then\n          if nonce ~= id then",
      put: "        nonce = nil\n        if nonce then\n          if nonce ~= id then",
    },
  ],
  sqlite: [
    {
      file: "src/driver/sqlite/publishing.ts",
      find: "if (known !== undefined && (known[1] as number) > turn.now) return false;",
      put: "if (known === undefined) return false;",
    },
  ],
};
/** Nothing is lost by it, and nothing stored twice: that tasks run more often than they need to is all that can be seen. */
const needlessRun: readonly Patch[] = [
  {
    file: "src/worker/settlement.ts",
    find: "      return success(context, execution, outcome);",
    put: '      return Math.random() < 0.03 ? returned(execution, "bystander") : success(context, execution, outcome);',
  },
];
/** All that it can cost is time. */
const naps: readonly Patch[] = [
  {
    file: "src/worker/flow.ts",
    find: "    this.#wanted = wanted;\n    this.#consumer.want(hold, free);\n",
    put: `    const naps = Date.now() % 30_000 < 15_000;
    this.#wanted = naps ? "" : wanted;
    this.#consumer.want(naps ? 0 : hold, naps ? 0 : free);
    if (naps) setTimeout(() => this.#want(), 500);
`,
  },
];
/** Runs at once, under the number that the broker gave the delivery. */
const unregisteredStart: readonly Patch[] = [
  {
    file: "src/worker/starter.ts",
    find: "const fresh = ledger === undefined ? [] : picked.filter(({ begun }) => !begun);",
    put: "const fresh: Execution[] = [];",
  },
];
/**
 * kombu's entries have a name that says nothing, and as their score the second in which they were taken. They are measured by the lease of who
 * sweeps: the longest one in use, which the script knows, may be that of whoever counts the ticks.
 */
const sweepsAll: readonly Patch[] = [
  {
    file: "src/driver/redis/script/reap.ts",
    find: "local out, bytes = { 0, now_text }, 0\n",
    put: `local out, bytes = { 0, now_text }, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms_text((now - ARGV[5]) / 1000))) do
  local raw, queue = (redis.call('HGET', KEYS[1], id) or ''):match('^%[(.*), *"[^"]*", *"([^"]*)"%]$')
  if raw and not place(id) then
    redis.call('RPUSH', queue, raw)
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  end
end
`,
  },
];

export const bugs: Readonly<Record<string, Bug>> = {
  "pop-then-record": {
    says: "takes a message out of the queue first and records the claim afterwards",
    patches: popThenRecord,
  },
  "no-lease-check": {
    says: "commits without asking whether it still holds the lease",
    only: "stop worker",
    patches: noLeaseCheck,
  },
  "ack-on-receive": {
    says: "acknowledges a task when it starts",
    patches: { sqlite: ackOnReceive, redis: ackOnReceive, rabbitmq: ackOnReceive },
  },
  "no-crash-budget": {
    says: "runs a task again however often it kills its process",
    patches: { sqlite: noBudget, redis: noBudget, rabbitmq: noBudget },
  },
  "no-launch-on-final": {
    says: "acknowledges a task whose result is final without sending what follows",
    only: "two-port worker dies",
    patches: { sqlite: noLaunch, redis: noLaunch },
  },
  "arrive-once": {
    says: "tells of a full chord only the worker of its last member",
    only: "kill worker,end and kill worker",
    patches: { sqlite: arriveOnce, redis: arriveOnce },
  },
  "no-dedupe": {
    says: "takes an id a second time",
    patches: noDedupe,
  },
  "needless-run": {
    says: "now and then gives a task back that has returned, so that it runs again",
    patches: { sqlite: needlessRun, redis: needlessRun, rabbitmq: needlessRun },
  },
  naps: {
    says: "takes nothing for fifteen seconds of each half minute, as all workers do at the same time",
    only: "kill child",
    patches: { sqlite: naps, redis: naps, rabbitmq: naps },
  },
  "unregistered-start": {
    says: "runs and stores without a start in the ledger, where the results lie on another server than the queue",
    patches: { rabbitmq: unregisteredStart },
  },
  "sweeps-python": {
    says: "puts back what a living Python worker holds for longer than a lease of ours",
    only: "kill worker,stop worker",
    python: true,
    patches: { redis: sweepsAll },
  },
};

/** Copies the sources into `folder` with the bug in them. */
export function seed(bug: Bug, broker: BuggyBroker, root: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const part of ["src", "test/chaos", "test/server", "test/interop/release.ts", "package.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const { file, find, put } of bug.patches[broker] ?? []) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (text.split(find).length !== 2)
      throw new Error(`bug: the text to replace is not exactly once in ${file}: ${find}`);
    writeFileSync(
      path,
      text.replace(find, () => put),
    );
  }
}
