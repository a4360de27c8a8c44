/** The demo from its first process to its last: sets up, feeds, kills, waits, has it verified, says how it went, cleans up. */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "./client.ts";
import { Crew } from "./crew.ts";
import { openDashboard, viewDashboard } from "./dashboard.ts";
import { Feed } from "./feed.ts";
import { bundledPhotographs, photographsIn } from "./photographs.ts";
import { Screen } from "./screen.ts";
import { makeSummary, printSummary, type Summary } from "./summary.ts";
import { askVerifier } from "./verifier.ts";
import { everyVariation } from "./variation.ts";
import { waitUntilGone } from "../harness/worker-process.ts";

export interface DemoOptions {
  /** Stay up after the summary, until Ctrl-C. */
  readonly stay: boolean;
  readonly json: boolean;
  readonly images: string | undefined;
  readonly broker: string | undefined;
  readonly port: number | undefined;
}

const lease = "5s";
/** The share of finished thumbnails at which a worker is killed. */
const killAt = 0.35;

/** Resolves with the exit code: 0 if all is well, 1 if not, 130 after Ctrl-C. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const interrupted = new AbortController();
  const photographs = options.images === undefined ? bundledPhotographs() : await photographsIn(options.images);
  const folder = await mkdtemp(join(tmpdir(), "celeriac-media-"));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", removeFolder);
  await using stack = new AsyncDisposableStack();
  stack.defer(removeFolder);

  const screen = new Screen(options.json ? undefined : process.stdout);
  const crew = new Crew((text) =>
    options.json ? process.stderr.write(`warning: ${text}\n`) : screen.say(`  warning: ${text}`),
  );
  const onSignal = (): void => {
    if (interrupted.signal.aborted) crew.killAll(); // the second Ctrl-C: at once
    interrupted.abort(new Error("interrupted"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  stack.defer(() => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal));

  const broker = options.broker ?? `sqlite:${join(folder, "media.db")}`;
  // Its own queue, so that a shared Redis may hold other things.
  const queue = `media-${randomBytes(4).toString("hex")}`;
  try {
    const { base, dashboard } = await startServers({ folder, broker, queue, port: options.port }, stack);
    stack.defer(() => crew.stopAll());
    await crew.start({ broker, queue, lease, count: 2 }, interrupted.signal);
    introduce(screen, { base, dashboard }, photographs.length, options);

    const feed = new Feed(folder, crew);
    stack.defer(() => feed.close());
    const summary = await runFeed({
      feed,
      crew,
      screen,
      client: new Client(base),
      dashboard,
      photographs,
      folder,
      broker,
      queue,
      signal: interrupted.signal,
    });
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else printSummary(screen, summary);
    if (options.stay) await untilInterrupted(screen, { base, dashboard }, interrupted.signal);
    if (options.broker !== undefined) await feed.forgetResults();
    return summary.ok ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return 130;
  }
}

interface Servers {
  /** Of the API, without a slash at its end. */
  readonly base: string;
  readonly dashboard: string;
}

async function startServers(
  options: {
    readonly folder: string;
    readonly broker: string;
    readonly queue: string;
    readonly port: number | undefined;
  },
  stack: AsyncDisposableStack,
): Promise<Servers> {
  // Before app.ts is loaded: it reads the broker's URL from here.
  process.env["CELERIAC_BROKER"] = options.broker;
  const [{ app }, { makeApi }] = await Promise.all([import("./app.ts"), import("./api.ts")]);
  stack.defer(() => app.close());
  // Before the first task: it shows what it has heard.
  const dashboard = await openDashboard(app, options.folder, stack);
  const server = await makeApi({ app, folder: options.folder, queue: options.queue });
  stack.defer(() => server.close());
  try {
    return { base: await server.listen({ host: "127.0.0.1", port: options.port ?? 3000 }), dashboard };
  } catch (error) {
    if (options.port !== undefined || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return { base: await server.listen({ host: "127.0.0.1", port: 0 }), dashboard };
  }
}

function introduce(
  screen: Screen,
  { base, dashboard }: Servers,
  photographs: number,
  { broker, stay }: DemoOptions,
): void {
  screen.say();
  screen.say(`  page       ${base}/`);
  screen.say(`  docs       ${base}/docs`);
  screen.say(`  dashboard  ${dashboard}`);
  screen.say(
    `  broker     ${broker === undefined ? "SQLite, in a temporary folder" : new URL(broker).protocol.slice(0, -1)}; lease ${lease}`,
  );
  screen.say(`             (a killed worker's tasks are given to another within that time; the default is 30s)`);
  screen.say();
  screen.say(
    `  ${photographs} photographs, ${everyVariation.length} thumbnails of each${stay ? "; you can upload your own picture meanwhile" : ""}`,
  );
  screen.say();
}

interface FeedRun {
  readonly feed: Feed;
  readonly crew: Crew;
  readonly screen: Screen;
  readonly client: Client;
  readonly dashboard: string;
  readonly photographs: Parameters<Feed["order"]>[1];
  readonly folder: string;
  readonly broker: string;
  readonly queue: string;
  readonly signal: AbortSignal;
}

async function runFeed({
  feed,
  crew,
  screen,
  client,
  dashboard,
  photographs,
  folder,
  broker,
  queue,
  signal,
}: FeedRun): Promise<Summary> {
  const draw = setInterval(() => screen.progress(feed.done, feed.accepted, crew.counts()), 100);
  let killed: Awaited<ReturnType<Crew["killOneAtWork"]>>;
  try {
    const ordering = feed.order(client, photographs, signal);
    await feed.untilDone(killAt * photographs.length * everyVariation.length, signal);
    killed = await crew.killOneAtWork(folder, signal);
    screen.say(
      `  SIGKILL to ${killed.name} (pid ${killed.pid}) with ${killed.interrupted.length} thumbnails half made; starting a replacement`,
    );
    // What a supervisor would do: systemd, Kubernetes, pm2.
    const replacing = crew.start({ broker, queue, lease, count: 1 }, signal);
    await Promise.all([ordering, replacing]);
    await feed.untilAll(client, signal);
  } finally {
    clearInterval(draw);
  }
  screen.progress(feed.done, feed.accepted, crew.counts());
  screen.keep();
  const orphans = await waitUntilGone(killed.poolChildren, 5000);
  const verdict = await askVerifier(folder, broker, queue, signal);
  const mails = (await readdir(join(folder, "mail"))).length;
  return makeSummary({
    verdict,
    dashboard: await viewDashboard(dashboard, verdict.succeeded, signal),
    killed,
    orphans,
    mails,
    images: photographs.length,
    seconds: feed.seconds,
    twice: feed.finishedTwice,
    counts: crew.counts(),
  });
}

async function untilInterrupted(screen: Screen, { base, dashboard }: Servers, signal: AbortSignal): Promise<void> {
  screen.say(`  Upload a picture of your own at ${base}/ and watch it at ${dashboard}`);
  screen.say("  Both are served until Ctrl-C, which ends everything and removes the folder.");
  screen.say();
  const awake = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  clearInterval(awake);
}
