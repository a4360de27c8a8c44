/** Tells the server that user code of these claims began: what a sweep concludes from, should we die. */

import type { ServerTime } from "../../port/units.ts";
import type { Context } from "./context.ts";
import type { RedisDelivery } from "./delivery.ts";
import { mostItems } from "./script/script.ts";
import { startScript } from "./script/hold.ts";
import { startText } from "./start-mark.ts";

export interface Start {
  readonly blame: "suspect" | "sure";
  readonly worker: string;
  readonly since: ServerTime;
}

/**
 * Written before this returns, not at the end of the turn: user code on this thread may never let the turn end. Not awaited, best
 * effort: a start that the server never heard of counts nothing.
 */
export function sendStarts(context: Context, deliveries: readonly RedisDelivery[], start: Start): void {
  const text = startText({ ...start, pid: process.pid });
  const { keys } = context;
  for (let at = 0; at < deliveries.length; at += mostItems) {
    const groups = new Map<string, string[]>();
    for (const { queue, claim } of deliveries.slice(at, at + mostItems)) {
      const group = groups.get(queue);
      if (group) group.push(claim, text);
      else groups.set(queue, [claim, text]);
    }
    const names = [keys.unacked, ...[...groups.keys()].flatMap((queue) => [keys.lease(queue), keys.started(queue)])];
    const args = [String(groups.size)];
    for (const group of groups.values()) args.push(String(group.length / 2), ...group);
    context.run(startScript, names, args).catch(() => undefined);
  }
}
