/** What the app itself is set to: how long results stay, how much may wait, who may send. */

import type { AppConfig } from "../../app/config.ts";
import type { Check } from "../../port/check.ts";

const minute = 60_000;
const day = 86_400_000;
/** A caller that polls, or a person who looks tomorrow, should still find the result. */
const shortTtl = 5 * minute;
/** Results are the greater part of a Redis that is full. */
const longTtl = 30 * day;

export function settingChecks(config: AppConfig): readonly Check[] {
  return [resultTtl(config), ...fenced(config), depth(config), signing(config)];
}

function resultTtl({ resultTtl: ttl }: AppConfig): Check {
  const topic = "results";
  const text = `results are kept for ${lengthText(ttl)} (resultTtl)`;
  if (ttl < shortTtl) {
    const why = `${text}: a caller who comes later finds nothing, and a task sent twice may run twice`;
    return { topic, verdict: "warning", text: why, remedy: 'Set resultTtl to "1d".' };
  }
  if (ttl <= longTtl) return { topic, verdict: "ok", text };
  const why = `${text}: they fill the server`;
  return {
    topic,
    verdict: "warning",
    text: why,
    remedy: 'Set resultTtl to "1d", and keep what must last in your own database.',
  };
}

/** RabbitMQ gives a delivery back that is held for longer than its `consumer_timeout`, unless somebody keeps the message meanwhile. */
function fenced({ broker, results }: AppConfig): readonly Check[] {
  if (!broker.protocol.startsWith("amqp")) return [];
  const topic = "timeouts";
  const limit = `${broker.searchParams.get("consumerTimeout") ?? "1800"} s`;
  if (results instanceof URL && results.protocol !== "memory:") {
    const text = `runs that take longer than RabbitMQ's consumer_timeout (${limit} by the URL) keep their message in the results' database`;
    return [{ topic, verdict: "ok", text }];
  }
  const text = `results are sent over rpc:// and kept nowhere: commits are not fenced, and a run longer than RabbitMQ's consumer_timeout (${limit} by the URL) is started again beside itself`;
  return [{ topic, verdict: "warning", text, remedy: "Set results to a redis: or sqlite: URL." }];
}

function depth({ maxDepth, broker }: AppConfig): Check {
  const topic = "memory";
  if (maxDepth > 0)
    return { topic, verdict: "ok", text: `at most ${String(maxDepth)} tasks wait in a queue (maxDepth)` };
  const maxSize = broker.protocol === "sqlite:" ? broker.searchParams.get("maxSize") : null;
  if (maxSize !== null) {
    const text = `new tasks are refused when ${maxSize} of the file are in use (maxSize)`;
    return { topic, verdict: "ok", text };
  }
  const text = "no maxDepth: a queue that nobody serves grows until the server is full";
  return {
    topic,
    verdict: "warning",
    text,
    remedy: "Set maxDepth in the app: then enqueue is refused with QUEUE_FULL, which a web server can answer with 503.",
  };
}

function signing({ signing: ring }: AppConfig): Check {
  const topic = "signing";
  if (ring !== undefined) return { topic, verdict: "ok", text: "messages are signed, and unsigned ones refused" };
  return {
    topic,
    verdict: "ok",
    text: "messages are not signed, which is optional: whoever may write to the broker may run your tasks",
  };
}

function lengthText(ms: number): string {
  if (ms >= day) return `${String(Math.round(ms / day))} d`;
  return ms >= minute ? `${String(Math.round(ms / minute))} min` : `${String(ms / 1000)} s`;
}
