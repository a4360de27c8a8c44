/** Where a process was while it ran, from V8's CPU profile: self time by part of the program, the parts that took most first. */

export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface Part {
  readonly name: string;
  /** Of the time in which the process did something, 0 to 1. */
  readonly share: number;
}

export function selfTimes({ nodes, samples, timeDeltas }: Profile): readonly Part[] {
  const parts = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const part = parts.get(id);
    const time = timeDeltas[at] ?? 0;
    // V8 tells some samples a little after the next ones, with a negative distance.
    if (part === undefined || time <= 0) continue;
    busy += time;
    times.set(part, (times.get(part) ?? 0) + time);
  }
  return [...times]
    .map(([name, time]) => ({ name, share: time / busy }))
    .toSorted((one, other) => other.share - one.share);
}

/** Rooms of Celeriac, with the driver's name; packages; Node's modules. `undefined`: the process slept. */
function partOf({ functionName, url }: Profile["nodes"][number]["callFrame"]): string | undefined {
  if (functionName === "(idle)") return undefined;
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)" || functionName === "(root)") return "system calls and the rest of V8";
  const room = /\/celeriac\/dist\/(driver\/[^/]+|[^/]+)/.exec(url)?.[1];
  if (room !== undefined) return `celeriac ${room.replace(/\.js$/, "")}`;
  const installed = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1];
  if (installed !== undefined) return installed;
  if (url.startsWith("node:"))
    return `Node: ${
      url
        .slice(5)
        .replace(/^internal\//, "")
        .split("/")[0] ?? ""
    }`;
  if (url === "") return "V8's own functions";
  return "the benchmark";
}
