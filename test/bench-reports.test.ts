/** What the benchmarks make of their figures: slopes and rises, plots, tables in pages, shares of profiles and slow logs, verdicts. */

import { describe, expect, it } from "vitest";
import { axes } from "../bench/growth-axes.ts";
import { type GrowthRow, mediansOf, plotOf, verdictsOf } from "../bench/growth.ts";
import { budgetRows, overallOptions } from "../bench/overall.ts";
import { rateFrom } from "../bench/limit-commands.ts";
import { linePlot } from "../bench/line-plot.ts";
import { judge } from "../bench/memory.ts";
import { markdownTable, withBlock } from "../bench/page-block.ts";
import { sumOf } from "../bench/script-time.ts";
import { selfTimes } from "../bench/self-time.ts";
import { modelOf } from "../bench/shards.ts";
import { rise, slope } from "../bench/statistics.ts";

describe("a slope", () => {
  it("is that of the line, with no error where all points lie on it", () => {
    const line = slope([0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x })));
    expect(line.slope).toBeCloseTo(2, 9);
    expect(line.error).toBeCloseTo(0, 9);
  });

  it("has an error as large as its points are scattered, and is none of two points", () => {
    const scattered = slope([0, 10, 1, 11].map((y, x) => ({ x, y })));
    expect(scattered.slope).toBeCloseTo(2.4, 9);
    expect(scattered.error).toBeGreaterThan(2);
    expect(
      slope([
        { x: 0, y: 1 },
        { x: 1, y: 2 },
      ]).slope,
    ).toBeNaN();
  });
});

describe("a rise", () => {
  it.each([
    ["of what falls", [5, 4, 3], 1],
    ["of what rises", [2, 2.5, 3], 1.5],
    ["of what falls and rises again, counted from where it was least", [10, 2, 3, 2.5], 1.5],
    ["of nothing", [], 1],
  ])("%s", (_, values, expected) => {
    expect(rise(values)).toBe(expected);
  });
});

const plot = (points: readonly { readonly x: number; readonly y: number }[], powers = false): string =>
  linePlot({ title: "<a> & b", label: "sizes", panels: [{ label: "µs", powers, lines: [{ name: "cost", points }] }] });

describe("a plot", () => {
  it("places values between nothing and the highest step, and sizes by powers of ten", () => {
    const svg = plot([
      { x: 1, y: 0 },
      { x: 10, y: 50 },
      { x: 100, y: 100 },
    ]);
    const dots = [...svg.matchAll(/<circle class="dot-0" cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(dots).toEqual([
      [64, 216],
      [342, 141],
      [620, 66],
    ]);
  });

  it("takes steps of ten times where it is told to", () => {
    const svg = plot(
      [
        { x: 1, y: 1 },
        { x: 10, y: 1_000 },
      ],
      true,
    );
    expect([...svg.matchAll(/text-anchor="end">([^<]+)</g)].map(([, tick]) => tick)).toEqual(["1", "10", "100", "1 k"]);
  });

  it("has colours for dark pages, and writes no markup of its words", () => {
    const svg = plot([
      { x: 1, y: 1 },
      { x: 10, y: 2 },
    ]);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain("&lt;a&gt; &amp; b");
    expect(svg).not.toContain("NaN");
  });

  it("of nothing but zeros is refused", () => {
    expect(() => plot([{ x: 1, y: 0 }])).toThrow("without a positive value");
  });
});

describe("a block of a page", () => {
  const page = "before\n<!-- bench: a -->\nold\n<!-- /bench: a -->\nafter\n";

  it("is replaced, and nothing else; twice is as once", () => {
    const once = withBlock(page, "a", "new\n");
    expect(once).toBe("before\n<!-- bench: a -->\n\nnew\n\n<!-- /bench: a -->\nafter\n");
    expect(withBlock(once, "a", "new")).toBe(once);
  });

  it("without its marks is refused", () => {
    expect(() => withBlock(page, "b", "new")).toThrow("<!-- bench: b -->");
  });

  it("has tables with figures to the right", () => {
    expect(markdownTable(["", "µs"], [["a", "1"]])).toBe("| | µs |\n| --- | ---: |\n| a | 1 |");
  });
});

const row = (axis: string, size: number, cpu: number, claim = 5): GrowthRow => ({
  axis,
  size,
  tasksPerSecond: 1_000,
  worker: cpu * 0.75,
  redis: cpu * 0.25,
  cpu,
  claim,
});

describe("growth", () => {
  const axis = (name: string): (typeof axes)[number] => {
    const found = axes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no axis ${name}`);
    return found;
  };

  it("takes the middle of the rounds of a size", () => {
    const rows = mediansOf([row("queues", 1, 30), row("queues", 10, 50), row("queues", 1, 10), row("queues", 1, 20)]);
    expect(rows.map(({ size, cpu }) => [size, cpu])).toEqual([
      [1, 20],
      [10, 50],
    ]);
  });

  it("judges a backlog by CPU and by claims, whatever the order of its rows", () => {
    const rows = [row("backlog", 1_000_000, 110, 8), row("backlog", 1_000, 100, 5)];
    expect(verdictsOf(axis("backlog"), rows).map(({ ratio }) => ratio)).toEqual([1.1, 1.6]);
  });

  it("judges a payload by what a byte costs", () => {
    const rows = [row("payload", 10, 100), row("payload", 1_000, 200), row("payload", 100_000, 30_000)];
    const [verdict, ...others] = verdictsOf(axis("payload"), rows);
    expect(verdict?.ratio).toBeCloseTo(1.5, 9);
    expect(others).toEqual([]);
  });

  it.each(axes.map((each) => [each.name, each] as const))("has a plot and a layout for each size of %s", (_, each) => {
    const layouts = each.sizes.map((size) => each.layout(size, 40_000));
    expect(layouts.every(({ tasks, warmup }) => tasks >= 40 && warmup >= tasks)).toBe(true);
    const rows = each.sizes.map((size, at) => row(each.name, size, 100 + at));
    expect(plotOf(each, rows).match(/<circle/g)).toHaveLength(each.sizes.length * 4);
  });
});

describe("memory", () => {
  const looks = (rssOf: (at: number) => number, tasks: number): Parameters<typeof judge>[0] =>
    Array.from({ length: 51 }, (_, at) => ({
      tasks: (tasks * at) / 50,
      working: 200,
      rss: rssOf(at),
      heap: 10,
      external: 3,
    }));
  const waiting = { cpu: 0.3, rss: 80, heap: 10, cpuWithout: 0.2, rssWithout: 80, heapWithout: 10 };

  it("that is the same before and after is within every bound", () => {
    expect(
      judge(
        looks(() => 80, 10_000_000),
        waiting,
      ).ok,
    ).toBe(true);
  });

  it("is judged by what a worker holds when it has rested", () => {
    const seen = looks((at) => (at === 0 ? 80 : 200), 10_000_000);
    expect(judge(seen, waiting).ok).toBe(false);
    const rested = seen.map((look, at) => (at === 50 ? { ...look, rested: 88 } : look));
    expect(judge(rested, waiting).words[0]).toContain("88 MB, 1.10 ×");
    expect(judge(rested, waiting).ok).toBe(true);
  });

  it("that rises in the last half of ten million is over its bound, though it is a little of what is held", () => {
    const judged = judge(
      looks((at) => 80 + Math.max(0, at - 25) * 0.4, 10_000_000),
      waiting,
    );
    expect(judged.rssGrown).toBeLessThan(1.2);
    expect(judged.rssSlope).toBeCloseTo(2, 6);
    expect(judged.ok).toBe(false);
  });

  it("of a short run is not judged by its slope", () => {
    expect(
      judge(
        looks((at) => 80 + at * 0.1, 100_000),
        waiting,
      ).ok,
    ).toBe(true);
  });

  it("that delayed tasks add to is over its bound", () => {
    expect(
      judge(
        looks(() => 80, 1_000_000),
        { ...waiting, heap: 12 },
      ).ok,
    ).toBe(false);
  });
});

describe("a profile", () => {
  it("is shared out among rooms, drivers, packages and Node by self time, without sleep", () => {
    const frame = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url } });
    const nodes = [
      frame(1, "(idle)", ""),
      frame(2, "parse", "file:///x/node_modules/celeriac/dist/driver/redis/replies.js"),
      frame(3, "intake", "file:///x/node_modules/celeriac/dist/worker/intake.js"),
      frame(4, "write", "file:///x/node_modules/ioredis/built/Redis.js"),
      frame(5, "emit", "node:internal/streams/readable"),
      frame(6, "(garbage collector)", ""),
    ];
    const samples = [1, 2, 2, 3, 4, 5, 6];
    const parts = selfTimes({ nodes, samples, timeDeltas: [1_000, 30, 10, 20, 20, 10, 10] });
    expect(parts.map(({ name, share }) => [name, share])).toEqual([
      ["celeriac driver/redis", 0.4],
      ["celeriac worker", 0.2],
      ["ioredis", 0.2],
      ["Node: streams", 0.1],
      ["garbage collection", 0.1],
    ]);
  });
});

describe("Redis' own word", () => {
  it("of a script is its calls, each as the mean of the middle half", () => {
    const call = (micros: number, sha: string) => [1, 2, micros, ["EVALSHA", sha, "3"]] as const;
    const own = [10, 900, 12, 1].map((micros) => call(micros, "a"));
    const log = [...own, call(50, "b"), [1, 2, 70, ["GET", "a"]] as const];
    expect(sumOf(log, "a")).toEqual({ calls: 4, micros: 44 });
    expect(sumOf(log, "c")).toEqual({ calls: 0, micros: 0 });
  });

  it("of its benchmark is the rate of the last line, whatever the command has in it", () => {
    const head = '"test","rps","avg_latency_ms"';
    expect(rateFrom(`${head}\n"SET seen:bench-__rand_int__ 1","1250000.00","0.071"\n`)).toBe(1_250_000);
    expect(() => rateFrom("Could not connect")).toThrow("said no rate");
  });
});

describe("the model of one Redis", () => {
  it("is what its CPU allows, in commands and bits", () => {
    const counts = { commands: 1, scripts: 0, bytesIn: 600, bytesOut: 5, memory: 650 };
    const kept = { "enqueue, single calls": counts, run: { ...counts, bytesIn: 400, bytesOut: 495 } };
    expect(modelOf({ redis: 20, commands: 3 }, kept)).toEqual({
      tasksPerSecond: 50_000,
      commandsPerSecond: 150_000,
      megabitsIn: 400,
      megabitsOut: 200,
      waiting: 650,
    });
  });
});

describe("the budgets in one table", () => {
  const measurement = (rates: readonly number[], theirs: readonly number[]) => ({
    what: "e2e",
    broker: "redis",
    pool: "inline",
    bytes: 100,
    rows: [
      { system: "celeriac", figures: { tasksPerSecond: rates, rssEnd: [300, 310, 320] } },
      { system: "bullmq", figures: { tasksPerSecond: theirs } },
    ],
  });

  it("have a row for each budget and peer, with both medians and the ratio of the rounds", () => {
    const row = {
      name: "e2e, redis, inline: tasksPerSecond",
      peer: "bullmq",
      ours: 300,
      theirs: 100,
      floor: 3,
      goal: 5,
    };
    expect(budgetRows(measurement([300, 100, 400], [100, 50, 100]))).toEqual([{ ...row, ratio: 3, ok: true }]);
    expect(budgetRows(measurement([299, 299, 299], [100, 100, 100]))).toEqual([
      { ...row, ours: 299, ratio: 2.99, ok: false },
    ]);
  });

  it("are what is measured unless words or other options say what is", () => {
    const usual = { full: false, json: undefined, docs: false, keepBuild: false };
    expect(overallOptions([])).toEqual(usual);
    expect(overallOptions(["--full", "--json", "rows.json", "--docs"])).toEqual({
      ...usual,
      full: true,
      json: "rows.json",
      docs: true,
    });
    for (const args of [["e2e"], ["--rounds", "3"], ["--help"], ["--json"]])
      expect(overallOptions(args)).toBeUndefined();
  });
});
