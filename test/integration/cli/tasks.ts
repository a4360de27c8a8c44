/** Tasks that end in every way a command has to show. */

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { app } from "./app.ts";

app.task("math.add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);

app.task("text.shout", { queue: "loud" }, (input: { text: string }, ctx) => {
  ctx.log.info("shouting", { letters: input.text.length });
  return input.text.toUpperCase();
});

app.task("math.fail", (): number => {
  throw new RangeError("out of \u001b[31mrange");
});

app.task("gate.wait", async (gate: { file: string }, ctx) => {
  while (!existsSync(gate.file)) await sleep(10, undefined, { signal: ctx.signal });
  return "open";
});

app.task("order.reject", (order: { number: number }, ctx): number => {
  if (order.number > 0) ctx.reject({ reason: "not ours" });
  return 0;
});
