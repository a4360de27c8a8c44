/**
 * What to do with a delivery before any user code runs: bury it, put it back, settle it as expired, or run it. Pure: the same
 * delivery, registry and time give the same answer.
 *
 * malformed → bury · not signed, where that is asked for → bury, and tell nobody · hostile name → bury · unknown task → back with growing delay for `unknownTaskGrace`, then bury ·
 * expired, revoked → REVOKED · eta still ahead → park · too many crashes → bury · suspect → run alone · else run
 */

import { Stop } from "../clock/stop.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { Delivery, Settlement } from "../port/broker.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { openBody } from "../wire/content.ts";
import { stringifyJson } from "../wire/json.ts";
import { isHostileTaskName } from "../wire/name.ts";
import { splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders, type TaskHeaders } from "../wire/task-message.ts";
import type { Message } from "../wire/message.ts";
import { hasWaited } from "../wire/waited.ts";
import { isEmpty } from "./call.ts";
import { type Claim, type Execution, keepsResult } from "./execution.ts";
import { needsJoin } from "./follow.ts";
import { unsignedBy } from "./trust.ts";
import { dead, type IntakeRules, type Look, refusedSignature, type Unrun, withdrawn } from "./unrun.ts";

/** Header that remembers since when nobody here knew the task; it survives restarts of every worker. */
const unknownHeader = "celeriac.unknown";
/** Longest wait between two looks at a message nobody knows. A rolling deploy is noticed within it. */
const longestUnknownDelay = 30_000;

/** The body may be right, but not for us; all else that is thrown here means that it cannot be read. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONTENT_REFUSED", "MESSAGE_TOO_LARGE"]);

export type Intake =
  | { readonly kind: "run"; readonly execution: Execution }
  | Unrun
  /** `notice`: said once for each message that nobody here can run. */
  | { readonly kind: "parked"; readonly settlement: Settlement; readonly notice?: string };

/** `known`: what the ledger says of it, `begun` if this start stands there; without, the broker's word counts. */
export function intake(
  rules: IntakeRules,
  delivery: Delivery,
  now: number,
  monotonic: number,
  known?: Claim,
  begun: boolean = known !== undefined,
): Intake {
  const { message } = delivery;
  const claim = known ?? delivery;
  const look: Look = { delivery, claim, now };
  if ("malformed" in message) return dead(rules, look, undefined, "undecodable", message.reason);
  const forged = rules.signing && unsignedBy(rules.signing, delivery.queue, message, rules.maxMessageBytes);
  if (forged !== undefined) return refusedSignature(look, forged);
  let headers: TaskHeaders | undefined;
  try {
    const { task } = message.headers;
    // Without a name it is of Celery's first protocol, or no task at all: the headers' reader says which.
    if (task !== undefined && task !== null && isHostileTaskName(task)) {
      return dead(rules, look, undefined, "unknown-task", "the task name is none that a task can have");
    }
    headers = readTaskHeaders(message);
    // Before the name is looked up: what nobody may open must not go round for as long as what nobody knows yet.
    const body = openBody(message, headers.compression, rules.maxMessageBytes);
    const definition = rules.registry.runnable(headers.task);
    if (!definition?.handler) return unknown(rules, look, message, headers, "no task of that name");
    if (isWithdrawn(rules, headers, now)) {
      const why = rules.revoked?.(headers) === true ? "revoked" : "expired";
      return withdrawn(rules, look, headers, body, keepsResult({ headers, definition }), why);
    }
    if (headers.eta !== undefined && headers.eta > now && !hasWaited(message)) {
      return {
        kind: "parked",
        settlement: { delivery, then: { kind: "requeue", at: "back", due: headers.eta } },
      };
    }
    const { call, embed } = splitTaskBody(body);
    const died = deaths(claim, definition);
    if (died !== undefined) return dead(rules, look, headers, "crashed", died);
    checkCarried(headers);
    if (rules.joins !== true && needsJoin(embed)) {
      return unknown(
        rules,
        look,
        message,
        headers,
        "what follows it needs a chord, and results that are kept nowhere join none",
      );
    }
    return {
      kind: "run",
      execution: {
        delivery,
        message,
        headers,
        definition,
        call,
        embed,
        claim,
        begun,
        isolated: claim.suspicions > 0 || claim.crashes > 0,
        abort: new Stop(),
        checkpoints: [],
        children: [],
        claimedAt: monotonic,
        slot: 0,
        startedAt: 0,
        pid: undefined,
        interrupted: undefined,
        acknowledged: false,
        kept: false,
      },
    };
  } catch (error) {
    const reason = error instanceof CeleriacError && refusals.has(error.code) ? "refused-content" : "undecodable";
    return dead(rules, look, headers, reason, error instanceof Error ? error.message : String(error));
  }
}

/** Came too late by now, or somebody has said that it is not to run. */
export function isWithdrawn(rules: IntakeRules, headers: TaskHeaders, now: number): boolean {
  return (headers.expires !== undefined && now > headers.expires) || rules.revoked?.(headers) === true;
}

/** What the message hands on beside its body; thrown here, before anything runs, if it can't be written again. */
function checkCarried({ custom, stamps }: TaskHeaders): void {
  if (!isEmpty(custom)) stringifyJson(custom, { root: "headers" });
  if (!isEmpty(stamps)) stringifyJson(stamps, { root: "stamps" });
}

/** How the deaths of its processes use up its budget; `undefined` if there is some left. */
function deaths({ crashes, suspicions }: Claim, definition: TaskDefinition): string | undefined {
  if (definition.onCrash === "fail" && crashes + suspicions > 0) {
    return "its process died, or its worker was lost, while it ran";
  }
  return crashes >= definition.crashes ? `its process died ${String(crashes)} times while it ran` : undefined;
}

function unknown(rules: IntakeRules, look: Look, message: Message, headers: TaskHeaders, why: string): Intake {
  const { delivery, now } = look;
  const { since, tries } = unknownMark(message.headers[unknownHeader], now);
  if (now - since >= rules.unknownTaskGrace) {
    const text = `"${headers.task}" was not run for ${String(Math.round((now - since) / 1000))} s: ${why}`;
    return dead(rules, look, headers, "unknown-task", text);
  }
  const wait = Math.min(
    spread(Math.min(1000 * 2 ** tries, longestUnknownDelay), delivery.fence),
    Math.max(1, since + rules.unknownTaskGrace - now),
  );
  const marked: Message = {
    ...message,
    headers: { ...message.headers, [unknownHeader]: { since, tries: tries + 1 } },
  };
  return {
    kind: "parked",
    settlement: {
      delivery,
      then: { kind: "replace", next: { queue: delivery.queue, message: marked, due: now + wait } },
    },
    ...(tries === 0 && {
      notice: `"${headers.task}" (${headers.id}) on queue "${delivery.queue}" is put back for ${String(Math.round(rules.unknownTaskGrace / 1000))} s at most: ${why}`,
    }),
  };
}

/**
 * Between the half and the whole, evenly over consecutive fences. Of many that came back at one moment a Python worker would get one
 * before they are claimed again; one after the other it gets as many as it can run.
 */
function spread(wait: number, fence: number): number {
  const golden = 0.618_033_988_75;
  return Math.round(wait * (0.5 + (((fence % 65_536) * golden) % 1) / 2));
}

function unknownMark(value: unknown, now: number): { since: number; tries: number } {
  if (typeof value !== "object" || value === null) return { since: now, tries: 0 };
  const { since, tries } = value as { since?: unknown; tries?: unknown };
  if (typeof since !== "number" || typeof tries !== "number") return { since: now, tries: 0 };
  // A clock set back must not keep a message going round for ever.
  return { since: Math.min(since, now), tries: Math.min(Math.max(0, tries), 20) };
}
