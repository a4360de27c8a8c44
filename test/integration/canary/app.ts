/** An app whose broker, keys and environment have secrets in them, and whose tasks look for these where they run. */

import { inspect } from "node:util";
import { type App, createApp } from "../../../src/index.ts";

export const app: App = createApp({
  name: "canary",
  broker: process.env["CANARY_BROKER"] ?? "memory:canary",
  signing: { keys: { k: process.env["CANARY_KEY"] } },
});

app.task("c.look", (_: { n: number }) => ({
  environment: { ...process.env },
  arguments: [...process.argv, ...process.execArgv],
  app: inspect(app, { depth: 20, showHidden: true }),
  json: JSON.stringify(app),
}));
app.task("c.fail", (_: { n: number }): void => {
  throw new Error(`no answer from ${inspect(app)}, ${JSON.stringify(process.env)}`);
});
app.task("c.exit", { crashes: 1 }, (_: { n: number }): void => {
  console.error(inspect(app), JSON.stringify(process.env));
  process.exit(3);
});
