/**
 * Looks over the machine, the app and the broker, one finding a line: what was looked at, how it is, what to do. Goes on after a
 * failure as far as that makes sense. Changes nothing but a lock of its own that it takes to read the server's clock.
 */

import { type App, coreOf } from "../app/app.ts";
import { redactUrl } from "../app/connect.ts";
import type { AppCore } from "../app/core.ts";
import { checkNodeVersion } from "../app/node-version.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Check } from "../port/check.ts";
import { clean } from "../wire/visible-text.ts";
import { exitCode, UsageError } from "./failure.ts";
import { readyCount } from "./queue-list.ts";
import { told } from "./status-report.ts";
import { type Target, targetApp } from "./target.ts";
import { paint, printJson, printLine } from "./terminal.ts";

export interface Finding {
  readonly subject: string;
  readonly verdict: "ok" | "warning" | "failed";
  /** Code of the error or warning, explained in docs/errors.md if it stands there. */
  readonly code?: string;
  readonly text: string;
  /** What to do about it, where the text does not say it. */
  readonly remedy?: string;
  /** Where that check is explained. */
  readonly help?: string;
}

export interface DiagnosisFlags extends Target {
  readonly json?: boolean;
  readonly production?: boolean;
  /** With `production`: the address of a dashboard. */
  readonly dashboard?: string;
}

/** Delays and expiry are off by as much as the clocks differ; above this it is worth a warning, ms. */
const clockTolerance = 1000;
/** A server that does not answer would keep a person waiting; connecting takes longer only where nothing works anyway, ms. */
const patience = 10_000;
/** As long as the clock is read, and a little more in case this process dies meanwhile, ms. */
const probeTtl = 5000;

export async function printDiagnosis(flags: DiagnosisFlags): Promise<number> {
  const findings = await diagnose(flags);
  const bad = findings.some(({ verdict }) => verdict === "failed");
  if (flags.json === true) printJson({ ok: !bad, findings });
  else {
    const mark = {
      ok: paint("green", "ok     "),
      warning: paint("yellow", "warning"),
      failed: paint("red", "FAILED "),
    };
    const width = Math.max(...findings.map(({ subject }) => subject.length));
    for (const { subject, verdict, code, text, remedy, help } of findings) {
      const said = [code === undefined ? text : `${code}: ${text}`, ...(remedy === undefined ? [] : [remedy])].join(
        ". ",
      );
      const where = help === undefined || verdict === "ok" ? "" : paint("dim", `  (${help})`);
      printLine(`${mark[verdict]}  ${subject.padEnd(width)}  ${clean(said)}${where}`);
    }
  }
  return bad ? exitCode.error : exitCode.done;
}

export async function diagnose(target: DiagnosisFlags): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeFinding()];
  let app: App;
  let named: boolean;
  try {
    ({ app, named } = await targetApp(target));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return [...findings, failed("app", error)];
  }
  try {
    const core = coreOf(app);
    const { broker, results, schedules } = core.config;
    const place = results === undefined ? "" : `; results ${results === "rpc:" ? "rpc://" : redactUrl(results)}`;
    const kept = schedules === undefined ? "" : `; schedules ${redactUrl(schedules)}`;
    findings.push({ subject: "url", verdict: "ok", text: `${redactUrl(broker)}${place}${kept}` });
    if ([broker, results, schedules].some((url) => url instanceof URL && url.protocol === "sqlite:"))
      findings.push(await sqliteFinding());
    if (named) findings.push(await tasksFinding(core));
    const found = await brokerFindings(core);
    if (target.production !== true) return [...findings, ...found];
    const { productionChecks, shownBetter } = await import("./production/production.ts");
    findings.push(...found.filter(({ code }) => code === undefined || !shownBetter.has(code)));
    findings.push(...(await productionChecks(app, named, target.dashboard)).map(findingOf));
  } finally {
    await app.close();
  }
  return findings;
}

function nodeFinding(): Finding {
  try {
    checkNodeVersion();
    return { subject: "node", verdict: "ok", text: process.versions.node };
  } catch (error) {
    return failed("node", error);
  }
}

/** The version alone; what is wrong with it the driver says when it opens. */
async function sqliteFinding(): Promise<Finding> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const version = String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  database.close();
  return { subject: "sqlite", verdict: "ok", text: version };
}

async function tasksFinding(core: AppCore): Promise<Finding> {
  try {
    const names = (await core.load()).list().map(({ name }) => name);
    if (names.length > 0)
      return { subject: "tasks", verdict: "ok", text: `${String(names.length)}: ${names.join(", ")}` };
    return {
      subject: "tasks",
      verdict: "warning",
      code: "NO_TASKS",
      text: "none, so a worker would refuse to start with this app",
    };
  } catch (error) {
    return failed("tasks", error);
  }
}

async function brokerFindings(core: AppCore): Promise<readonly Finding[]> {
  const over = new AbortController();
  using _timer = core.clock.after(patience, () =>
    over.abort(new CeleriacError("BACKEND_UNREACHABLE", `no answer within ${String(patience / 1000)} s`)),
  );
  const started = core.clock.monotonic();
  let backend: Backend;
  try {
    backend = await core.connect(over.signal);
  } catch (error) {
    return [failed("broker", error)];
  }
  const took = core.clock.monotonic() - started;
  const findings: Finding[] = [{ subject: "broker", verdict: "ok", text: `reached in ${took.toFixed(0)} ms` }];
  for (const { code, text } of core.warnings) findings.push({ subject: "broker", verdict: "warning", code, text });
  for (const look of [clockFinding, queueFinding, deadFinding]) {
    try {
      findings.push(await look(core, backend));
    } catch (error) {
      findings.push(failed(look.subject, error));
    }
  }
  return findings;
}

/** A lease ends at a moment of the server's clock, which tells what time it is there. */
async function clockFinding(core: AppCore, { lease }: Backend): Promise<Finding> {
  if (lease === undefined) return { subject: "clock", verdict: "ok", text: "not compared: this broker tells no time" };
  const before = core.clock.now();
  const term = await lease.acquire("doctor", `doctor-${crypto.randomUUID()}`, probeTtl);
  const after = core.clock.now();
  if (term === undefined) return { subject: "clock", verdict: "ok", text: "another doctor is looking at it just now" };
  await lease.release(term);
  const difference = Math.round(term.until - probeTtl - (before + after) / 2);
  const text = `the server's clock differs by ${String(difference)} ms (±${String(Math.ceil((after - before) / 2))})`;
  if (Math.abs(difference) <= clockTolerance) return { subject: "clock", verdict: "ok", text };
  return {
    subject: "clock",
    verdict: "warning",
    text: `${text}; delays and expiry are off by as much: run NTP on both`,
  };
}
clockFinding.subject = "clock";

async function queueFinding(core: AppCore, { broker }: Backend): Promise<Finding> {
  const queues = await broker.queues.list();
  const waiting = queues.filter((queue) => readyCount(queue) > 0 && (queue.leased ?? 0) === 0 && !queue.paused);
  const stuck = waiting
    .filter(({ oldest }) => oldest !== undefined && core.clock.now() - oldest > 60_000)
    .map(({ name }) => name);
  if (stuck.length > 0) {
    return {
      subject: "queues",
      verdict: "warning",
      text: `something has waited for over a minute and no worker holds a task: ${stuck.join(", ")}`,
    };
  }
  const deserted = waiting.filter(({ consumers }) => consumers === 0).map(({ name }) => name);
  if (deserted.length > 0) {
    return {
      subject: "queues",
      verdict: "warning",
      text: `messages wait and no worker takes from there: ${deserted.join(", ")}`,
    };
  }
  const paused = queues.filter((queue) => queue.paused).map(({ name }) => name);
  if (paused.length > 0) return { subject: "queues", verdict: "warning", text: `paused: ${paused.join(", ")}` };
  const ready = queues.reduce((sum, queue) => sum + readyCount(queue), 0);
  return { subject: "queues", verdict: "ok", text: `${String(queues.length)} queues, ${String(ready)} messages wait` };
}
queueFinding.subject = "queues";

async function deadFinding(_core: AppCore, { broker }: Backend): Promise<Finding> {
  const page = await told(broker.dead.list({}, undefined, 200));
  if (page === undefined) return { subject: "dead letters", verdict: "ok", text: "this broker does not list them" };
  const { items, next } = page;
  if (items.length === 0) return { subject: "dead letters", verdict: "ok", text: "none" };
  const count = `${String(items.length)}${next === undefined ? "" : "+"}`;
  return { subject: "dead letters", verdict: "warning", text: `${count}; celeriac dlq list shows why` };
}
deadFinding.subject = "dead letters";

function findingOf({ topic, ...rest }: Check): Finding {
  return { subject: topic.replace("-", " "), ...rest, help: `docs/production.md#${topic}` };
}

function failed(subject: string, error: unknown): Finding {
  if (error instanceof CeleriacError) return { subject, verdict: "failed", code: error.code, text: error.message };
  return { subject, verdict: "failed", text: error instanceof Error ? error.message : String(error) };
}
