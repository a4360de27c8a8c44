/** What the workflows of the suite are made of on our side, the counterpart of the second half of `python/tasks.py`. */

import { appendFileSync } from "node:fs";
import { type App, type CallArguments, signatureOf, type TaskContext } from "../../src/index.ts";
import { opened } from "./gate.ts";

type Number = number | bigint;

export function declareCanvas(app: App): void {
  app.task("ts.total", { positional: ["numbers"] }, ({ numbers }: { numbers: readonly Number[] }) =>
    numbers.reduce(
      (sum: Number, each) =>
        typeof sum === "number" && typeof each === "number" ? sum + each : BigInt(sum) + BigInt(each),
      0,
    ),
  );
  // Takes an object, so that a result before it is merged under its keyword arguments.
  app.task(
    "ts.size",
    (size: { width: Number; height: Number; unit: string }) =>
      `${String(size.width)}x${String(size.height)} ${size.unit}`,
  );
  // What runs before it hands on `before`, which it lets go.
  app.task("ts.hold", { raw: true }, async ({ args }: CallArguments, context: TaskContext): Promise<unknown> => {
    const [gate, value] = args.slice(-2);
    await opened(String(gate), context.signal);
    return value;
  });
  app.task("ts.failed", { raw: true }, ({ args, kwargs }: CallArguments) => {
    appendFileSync(String(kwargs["path"]), `${JSON.stringify({ by: "ts", args })}\n`);
  });
  app.task("ts.replace", { raw: true }, ({ args }: CallArguments, context: TaskContext): unknown =>
    context.replace(signatureOf(args.at(-1))),
  );
  app.task("ts.grow", { raw: true }, async ({ args }: CallArguments, context: TaskContext): Promise<unknown> => {
    const [member, value] = args.slice(-2);
    await context.addToChord(signatureOf(member));
    return value;
  });
}
