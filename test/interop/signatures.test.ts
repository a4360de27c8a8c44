/** Signatures as values, between the languages: what ours write is what Python's canvas writes, and Python reads ours as its own. */

import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type AnySignature, chain, chord, createApp, group, Signature, signatureOf } from "../../src/index.ts";
import { describeNeeding } from "../server/required-program.ts";
import { releaseNames, releases } from "./release.ts";

const app = createApp({ broker: "memory:signatures" });
const add = app.remote<(x: number, y?: number) => number>("tasks.add");
const total = app.remote<(all: readonly number[]) => number>("tasks.total");
const failed = app.remote<(id: string) => null>("tasks.failed");
/** Python says no queue where ours do. */
const bare = (signature: AnySignature): AnySignature =>
  signatureOf(JSON.parse(JSON.stringify(signature).replaceAll(/"queue":"celery",?/g, "")));

/** Each as Python's canvas makes it, and as ours does. */
const shapes: Readonly<Record<string, readonly [python: string, ours: AnySignature]>> = {
  call: ["add.s(1, 2)", new Signature({ task: "tasks.add", args: [1, 2], kwargs: {}, immutable: false })],
  immutable: ["add.si(1, 2)", add.si(1, 2)],
  options: [
    "add.si(1, 2).set(countdown=1.5, expires=60, priority=3, task_id='a', time_limit=9, soft_time_limit=8, ignore_result=True)",
    add.si(1, 2).set({
      delay: "1500ms",
      expires: "1m",
      priority: 3,
      id: "a",
      timeLimit: "9s",
      softTimeLimit: "8s",
      ignoreResult: true,
    }),
  ],
  links: ["linked(add.si(1, 2))", add.si(1, 2).link(add.s()).linkError(failed.s())],
  chain: ["chain(add.si(1, 2), add.s(3), add.s())", chain(add.si(1, 2), add.s(3), add.s())],
  "chain of one": ["_chain(add.si(1, 2))", chain(add.si(1, 2))],
  "chain with callbacks": [
    "linked(chain(add.si(1, 2), add.s(3)))",
    chain(add.si(1, 2), add.s(3)).link(add.s()).linkError(failed.s()),
  ],
  group: ["group(add.si(1, 2), add.si(3, 4))", group(add.si(1, 2), add.si(3, 4))],
  "group in group": [
    "group(group(add.si(1, 2), add.si(3, 4)), add.si(5, 6))",
    group(group(add.si(1, 2), add.si(3, 4)), add.si(5, 6)),
  ],
  "chain that ends in a group": [
    "chain(add.si(1, 2), group(add.s(3), add.s(4)))",
    chain(add.si(1, 2), group(add.s(3), add.s(4))),
  ],
  chord: ["chord([add.si(1, 2), add.si(3, 4)], total.s())", chord([add.si(1, 2), add.si(3, 4)], total.s())],
  "chord of a group": ["chord(group(add.si(1, 2)), total.s())", chord(group(add.si(1, 2)), total.s())],
  "chord in chord": [
    "chord([chord([add.si(1, 2)], total.s()), add.si(3, 4)], total.s())",
    chord([chord([add.si(1, 2)], total.s()), add.si(3, 4)], total.s()),
  ],
  "chord with a callback": [
    "linked(chord([add.si(1, 2)], total.s()))",
    chord([add.si(1, 2)], total.s())
      .link(add.s())
      .linkError(failed.s()),
  ],
  map: ["add.map([1, 2])", add.map([1, 2])],
  starmap: ["add.starmap([(1, 2), (3, 4)])", add.starmap([[1, 2], [3, 4]])], // prettier-ignore
  chunks: ["add.chunks([(1, 2), (3, 4), (5, 6)], 2).group()", add.chunks([[1, 2], [3, 4], [5, 6]], 2)], // prettier-ignore
};

/** Stamps came with Celery 5.3. */
const stamped: typeof shapes = {
  "stamped call with a callback": [
    "stamped(linked(add.si(1, 2)))",
    add.si(1, 2).link(add.s()).linkError(failed.s()).stamp({ tenant: "t1" }),
  ],
  "stamped chain": ["stamped(chain(add.si(1, 2), add.s(3)))", chain(add.si(1, 2), add.s(3)).stamp({ tenant: "t1" })],
  "stamped group": ["stamped(group(add.si(1, 2), add.si(3)))", group(add.si(1, 2), add.si(3)).stamp({ tenant: "t1" })],
};

const script = `
import json, sys, warnings
warnings.simplefilter("ignore")
from celery import Celery, chain, chord, group, signature
from celery.canvas import _chain
app = Celery("signatures", broker="memory://")
@app.task(name="tasks.add")
def add(x, y): pass
@app.task(name="tasks.total")
def total(all): pass
@app.task(name="tasks.failed")
def failed(id): pass
def linked(sig):
    sig.link(add.s()); sig.link_error(failed.s())
    return sig
def stamped(sig):
    sig.stamp(tenant="t1")
    return sig
given = json.load(sys.stdin)
# As text and back: tuples are lists, and nothing is left of the classes.
def plain(sig): return json.loads(json.dumps(sig))
print(json.dumps({name: [plain(eval(python)), plain(signature(ours))] for name, (python, ours) in given.items()}))
`;

describe.each(releaseNames)("Celery %s", (name) => {
  describeNeeding(releases[name], `signatures between TypeScript and Celery ${name}`, () => {
    const wanted = name === "5.2" ? shapes : { ...shapes, ...stamped };
    const given = Object.fromEntries(
      Object.entries(wanted).map(([shape, [python, ours]]) => [shape, [python, bare(ours)]]),
    );
    const run = spawnSync(releases[name].interpreter, ["-c", script], {
      input: JSON.stringify(given),
      encoding: "utf8",
    });
    const told = run.status === 0 ? (JSON.parse(run.stdout) as Readonly<Record<string, readonly unknown[]>>) : {};

    it.each(Object.keys(wanted))("writes and reads this as we do: %s", (shape) => {
      expect(run.stderr).toBe("");
      const ours: unknown = JSON.parse(JSON.stringify(given[shape]?.[1]));
      const [python, reread] = told[shape] ?? [];
      expect(python).toEqual(ours);
      expect(reread).toEqual(ours);
    });
  });
});
