/** Tasks that start, wait for, return and become workflows: in a pool child all of that goes through its worker. */

import { chord, createApp, group } from "../../../src/index.ts";

export const app = createApp({ name: "workflow", broker: process.env["WORKFLOW_BROKER"] ?? "memory:workflow" });

export const double = app.task("double", (n: number) => n * 2);
export const sum = app.task("sum", (all: readonly number[]) => all.reduce((total, each) => total + each, 0));
export const split = app.task("split", (n: number, ctx) => ctx.replace(chord([double.si(n), double.si(n)], sum.s())));
export const start = app.task("start", async (n: number) => app.delay(group(double.si(n), double.si(n + 1))));
export const wait = app.task("wait", async (n: number) => {
  const sent = await app.delay(group([double.si(n), double.si(n + 1)]));
  return { results: await sent.get({ timeout: "20s" }), progress: await sent.progress() };
});
export const more = app.task("more", async (n: number, ctx) => {
  await ctx.addToChord(double.si(n));
  return n;
});
export const unsendable = app.task("unsendable", (_: number, ctx) => ctx.replace(double.si(Number.NaN)));
