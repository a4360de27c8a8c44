/** Asks workers and collects what they say. Nobody knows how many there are, so silence ends it: as long as nothing new came for `timeout`. */

import { within } from "../app/deadline.ts";
import type { Clock } from "../clock/clock.ts";
import type { Bus } from "../port/bus.ts";
import type { Millis } from "../port/units.ts";
import { controlNamespace, makeControlRequest, readControlReply } from "../wire/control.ts";

export interface Question {
  /** A command of Celery's remote control, such as `registered`. */
  readonly method: string;
  /** Its keyword arguments. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Names of nodes; everyone without it. Their answers are all that is waited for. */
  readonly destination?: readonly string[] | undefined;
  /** Longest silence, counted anew from each node that answers. */
  readonly timeout: Millis;
  /** Longest wait in all, ms: what was said by then is the answer. Default: as long as new nodes go on answering. */
  readonly inAll?: Millis;
  /** Enough answers. Default: as many as `destination` names, or no limit. */
  readonly limit?: number | undefined;
}

/** What each node answered, by its name; empty if nobody did. Rejects with the signal's reason, or when the question could not be sent. */
export async function ask(
  bus: Bus,
  question: Question,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, unknown>> {
  const { method, destination, timeout, limit = destination?.length ?? Infinity } = question;
  const ticket = crypto.randomUUID();
  const answers = new Map<string, unknown>();
  const ended = Promise.withResolvers<void>();
  let silence: Disposable | undefined;
  const wait = (): void => {
    silence?.[Symbol.dispose]();
    silence = clock.after(timeout, ended.resolve);
  };
  const inbox = await within(
    bus.inbox((message) => {
      for (const [node, answer] of readControlReply(message, ticket) ?? []) {
        // Only who is new prolongs the wait, so that one babbler cannot do it for ever.
        if (!answers.has(node)) wait();
        answers.set(node, answer);
      }
      if (answers.size >= limit) ended.resolve();
    }),
    signal,
  );
  try {
    const request = makeControlRequest({
      method,
      arguments: question.arguments ?? {},
      destination,
      ticket,
      replyTo: inbox.to,
      expires: clock.now() + timeout,
    });
    await within(bus.publish({ kind: "control", namespace: controlNamespace }, request), signal);
    wait();
    using _bound = question.inAll === undefined ? undefined : clock.after(question.inAll, ended.resolve);
    await within(ended.promise, signal);
    return answers;
  } finally {
    silence?.[Symbol.dispose]();
    await inbox.close();
  }
}
