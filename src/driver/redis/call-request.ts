/** What the scripts for keys of calls are asked, and what becomes of their answers. */

import type { Delivery, Published } from "../../port/broker.ts";
import type { CallRule } from "../../port/call-law.ts";
import { revokedKind } from "../../port/control-state.ts";
import { readCallMark } from "../../wire/call-mark.ts";
import type { Context } from "./context.ts";
import { RedisDelivery } from "./delivery.ts";
import type { Encoded } from "./encoded.ts";
import { beginCallScript } from "./script/call.ts";
import { fairStep } from "./script/parts.ts";

export function callRequest(
  { keys: names, options }: Context,
  encoded: Encoded,
  rule: CallRule,
): { readonly keys: readonly string[]; readonly args: readonly string[] } {
  const { queue, step, fair, dedupe, due, raw, id } = encoded;
  const { key, hold, life, conflict, quiet, replaces } = rule;
  const row = names.call(queue, key);
  const once = dedupe === undefined ? [row, row] : [names.seen(dedupe.id), names.meta(dedupe.id)];
  return {
    keys: [
      names.unacked,
      names.index,
      names.fence,
      names.bell(queue),
      names.due(queue),
      names.list(queue, step),
      row,
      names.calls(queue),
      ...once,
      names.facts[0],
      ...names.lists(queue),
    ],
    args: [
      queue,
      String(fair ? fairStep : step),
      String(options.maxDepth),
      dedupe?.nonce ?? "",
      String(dedupe?.window ?? ""),
      due,
      raw,
      id,
      String(hold),
      String(life),
      conflict,
      String(quiet?.wait ?? ""),
      String(quiet?.most ?? ""),
      replaces ?? "",
      names.meta(""),
      `${revokedKind}:`,
    ],
  };
}

/** `undefined`: a letter that every publish may be answered. */
export function standing([letter, id = ""]: readonly string[]): Published | undefined {
  if (letter === "J") return { kind: "held", id, how: "join" };
  if (letter === "R") return { kind: "held", id, how: "replace" };
  return letter === "G" ? { kind: "gone" } : undefined;
}

/** These are about to start; each is then what took its place last. */
export async function beginCalls(context: Context, deliveries: readonly Delivery[]): Promise<void> {
  const { keys: names } = context;
  const keys = [names.unacked, names.index];
  const args: string[] = [];
  const begun: RedisDelivery[] = [];
  for (const delivery of deliveries) {
    if (!(delivery instanceof RedisDelivery)) continue;
    const { message, claim } = delivery;
    const mark = "malformed" in message ? undefined : readCallMark(message.headers);
    if ("malformed" in message || mark === undefined) continue;
    begun.push(delivery);
    keys.push(names.call(mark.queue, mark.key));
    args.push(claim, String(message.headers["id"]), String(mark.hold), String(mark.life));
  }
  if (begun.length === 0) return;
  const answer = await context.ask(() => context.run(beginCallScript, keys, args, { binary: true }));
  for (const [index, raw] of (answer as readonly Buffer[]).entries()) if (raw.length > 0) begun[index]?.become(raw);
}
