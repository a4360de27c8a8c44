import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { decisionOf, Ignore, Reject, RemoteError, Replace, Retry, TaskError } from "./control-flow.ts";
import { type Duration, durationMs } from "./duration.ts";
import { type AnyTaskOptions, defineTask } from "./options.ts";
import { TaskRegistry } from "./registry.ts";
import { backoff, isRetryable, resolveRetry, retryDelay } from "./retry.ts";
import { type RunningTask, runningTask, withRunningTask } from "./running.ts";
import { Signature } from "./signature.ts";

const codeOf = (run: () => unknown): string => {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return (error as CeleriacError).code;
  }
};

describe("a duration", () => {
  it("is milliseconds or a number with a unit", () => {
    expect(
      [0, 1500, "250ms", "1.5s", "2m", "1h", "1d", "4w", "0s"].map((each) => durationMs(each as Duration)),
    ).toEqual([0, 1500, 250, 1500, 120_000, 3_600_000, 86_400_000, 2_419_200_000, 0]);
  });

  it("is nothing else", () => {
    for (const wrong of [
      "",
      "10",
      "10 s",
      "-1s",
      "1e3s",
      "s",
      "1S",
      ".5s",
      -1,
      Number.NaN,
      Infinity,
      null,
      {},
      "1sm",
    ]) {
      expect(codeOf(() => durationMs(wrong as Duration))).toBe("DURATION_INVALID");
    }
  });
});

describe("a retry policy", () => {
  it("grows to its ceiling, with waits between half and the whole", () => {
    const policy = resolveRetry({ limit: 5, delay: backoff("2s", "10s") });
    expect([1, 2, 3, 4, 50].map((n) => retryDelay(policy, n, 1))).toEqual([2000, 4000, 8000, 10_000, 10_000]);
    expect(retryDelay(policy, 1, 0)).toBe(1000);
    expect(retryDelay(policy, 1, 0.5)).toBe(1500);
  });

  it("can be fixed or computed, then without jitter", () => {
    expect(retryDelay(resolveRetry({ delay: "3s" }), 7, 0)).toBe(3000);
    expect(retryDelay(resolveRetry({ delay: (n) => `${n}s` }), 7, 0)).toBe(7000);
    expect(resolveRetry({})).toMatchObject({ limit: 3, jitter: 0.5, on: undefined, never: [] });
  });

  it("chooses by class, and `never` wins", () => {
    const policy = resolveRetry({ on: [TypeError], never: [RangeError] });
    expect(isRetryable(policy, ["TypeError"])).toBe(true);
    expect(isRetryable(policy, ["SyntaxError"])).toBe(false);
    expect(isRetryable(policy, ["TypeError", "RangeError"])).toBe(false);
    expect(isRetryable(resolveRetry({}), ["Anything"])).toBe(true);
  });

  it("refuses nonsense", () => {
    for (const options of [{ limit: -1 }, { limit: 1.5 }, { jitter: 2 }]) {
      expect(codeOf(() => resolveRetry(options))).toBe("CONFIG_INVALID");
    }
    expect(codeOf(() => backoff("1s", "2s", 0.5))).toBe("CONFIG_INVALID");
    expect(codeOf(() => resolveRetry({ delay: "soon" as "1s" }))).toBe("DURATION_INVALID");
  });
});

describe("a registry", () => {
  const define = (name: string, options: AnyTaskOptions = {}, handler: (() => unknown) | undefined = () => 1) =>
    defineTask(name, options, handler, "celery");

  it("holds one handler a name", () => {
    const registry = new TaskRegistry();
    registry.add(define("b"));
    registry.add(define("a"));
    registry.add(defineTask("far", {}, undefined, "celery"));
    registry.add(defineTask("far", {}, undefined, "celery"));
    registry.add(defineTask("a", {}, undefined, "celery"));
    expect(registry.list().map((each) => each.name)).toEqual(["a", "b"]);
    expect(registry.get("a")?.handler).toBeDefined();
    expect(registry.get("far")?.handler).toBeUndefined();
    expect(registry.get("constructor")).toBeUndefined();
    expect(codeOf(() => registry.add(define("a")))).toBe("TASK_DUPLICATE");
    expect(codeOf(() => registry.add(define("9")))).toBe("NAME_INVALID");
  });

  it("knows declarations apart", () => {
    const registry = new TaskRegistry();
    const shape = (options: AnyTaskOptions): string => registry.shape(define("a", options));
    const shapes = [
      shape({}),
      shape({ queue: "q" }),
      shape({ retry: {} }),
      shape({ retry: { delay: "1s" } }),
      shape({ retry: { limit: Infinity } }),
      shape({ retry: { on: [TypeError] } }),
      shape({ positional: ["x"] }),
      shape({ raw: true }),
    ];
    expect(new Set(shapes).size).toBe(shapes.length);
    expect(shape({ retry: { delay: "1s" } })).toBe(shapes[3]);
    const random = { retry: { delay: () => Math.random() } };
    expect(shape(random)).toBe(shape(random));
  });

  it("refuses declarations that contradict themselves", () => {
    const wrong: readonly AnyTaskOptions[] = [
      { positional: ["x", "x"] },
      { positional: ["x?", "y"] },
      { raw: true, positional: ["x"] },
      { input: {} as never },
      { onCrash: "ignore" as "fail" },
      { rest: "drop" as "ignore" },
      { priority: 256 },
      { Queue: "mail" } as object,
    ];
    for (const options of wrong) expect(codeOf(() => define("a", options))).toBe("CONFIG_INVALID");
    expect(() => define("a", { Queue: "mail" } as object)).toThrow(/did you mean "queue"/);
    expect(codeOf(() => define("a", { queue: "" }))).toBe("NAME_INVALID");
    expect(codeOf(() => define("a", { timeLimit: "1 h" as "1h" }))).toBe("DURATION_INVALID");
  });
});

describe("what a handler throws", () => {
  it("is a decision or an error", () => {
    expect(decisionOf(new Retry({ delay: "2s" }))).toMatchObject({ delay: 2000 });
    expect(decisionOf(new Reject())).toMatchObject({ requeue: false });
    expect(decisionOf(new Ignore())).toBeInstanceOf(Ignore);
    const other = new Signature({ task: "a", args: [], kwargs: {}, immutable: true }).toJSON();
    expect(decisionOf(new Replace(other))).toMatchObject({ "~decision": "replace", signature: other });
    const empty = { ...other, task: "celery.chain", kwargs: { tasks: [] } };
    expect(codeOf(() => new Replace(empty))).toBe("CONFIG_INVALID");
    for (const error of [new Error("a"), new TaskError("a"), null, undefined, "text", 3]) {
      expect(decisionOf(error)).toBeUndefined();
    }
  });

  it("can have an identity in Python", () => {
    expect(new RemoteError("shop.errors.OutOfStock", ["A-17", 3])).toMatchObject({
      name: "OutOfStock",
      module: "shop.errors",
      args: ["A-17", 3],
      message: "A-17, 3",
    });
    expect(new RemoteError("ValueError")).toMatchObject({ name: "ValueError", module: "builtins" });
  });
});

describe("the running task", () => {
  it("is known to all that its handler starts, and to nothing else", async () => {
    const running = { ask: undefined } as unknown as RunningTask;
    expect(runningTask()).toBeUndefined();
    await withRunningTask(running, async () => {
      await Promise.resolve();
      expect(runningTask()).toBe(running);
    });
    expect(runningTask()).toBeUndefined();
  });
});

describe("a signature", () => {
  it("is Celery's dict", () => {
    const next = new Signature<number, number>({ task: "next", args: [], kwargs: { a: 1 }, immutable: false });
    const first = new Signature<unknown, number>({ task: "first", args: [1], kwargs: {}, immutable: true });
    const whole = first.set({ delay: "2s", expires: 500, timeLimit: "1m", queue: "q" }).link(next);
    expect(JSON.parse(JSON.stringify(whole))).toEqual({
      task: "first",
      args: [1],
      kwargs: {},
      options: {
        queue: "q",
        countdown: 2,
        expires: 0.5,
        time_limit: 60,
        link: [{ task: "next", args: [], kwargs: { a: 1 }, options: {}, subtask_type: null, immutable: false }],
      },
      subtask_type: null,
      immutable: true,
    });
    expect(first.options).toEqual({});
    expect(first.links).toEqual([]);
  });

  it("freezes every id once", () => {
    let ids = 0;
    const inner = new Signature<number, number>({
      task: "b",
      args: [],
      kwargs: {},
      immutable: false,
      options: { id: "kept" },
    });
    const outer = new Signature<number, number>({ task: "a", args: [], kwargs: {}, immutable: false });
    const frozen = outer
      .link(inner)
      .linkError(outer as unknown as Signature<string, number>)
      .freeze(() => `id-${++ids}`);
    expect(frozen.options).toMatchObject({
      task_id: "id-1",
      link: [{ options: { task_id: "kept" } }],
      link_error: [{ options: { task_id: "id-2" } }],
    });
  });
});
