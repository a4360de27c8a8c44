/**
 * Celery's delay: 28 levels of 2^27 to 1 seconds, each a queue whose messages expire into the next level. The routing key says which of
 * them a message visits: the seconds as 28 binary digits. Seconds are rounded up, so nothing comes early.
 */

import type { Millis } from "../../port/units.ts";

export const levelCount = 28;
export const longestDelay: Millis = (2 ** levelCount - 1) * 1000;
export const firstExchange: string = levelName(levelCount - 1);
export const deliveryExchange = "celery_delayed_delivery";

export function levelName(level: number): string {
  return `celery_delayed_${level}`;
}

/** 0 for what is due. */
export function secondsUntil(due: Millis, now: Millis): number {
  return Math.min(Math.max(0, Math.ceil((due - now) / 1000)), longestDelay / 1000);
}

/** Where a message of level 27 goes. */
export function delayKey(seconds: number, queue: string): string {
  const digits = seconds.toString(2).padStart(levelCount, "0");
  return `${digits.split("").join(".")}.${oneWord(queue)}`;
}

/**
 * What binds a queue to the end of the levels. Celery binds `#.<queue>`, so that a message for `fast.mail` reaches the queue `mail` too;
 * here the digits are counted and the name is one word, which no such binding matches by accident. A name with dots has a second key:
 * that of messages that Celery delays.
 */
export function deliveryKeys(queue: string): readonly string[] {
  return [...new Set([oneWord(queue), queue])].map((name) => `${"*.".repeat(levelCount)}${name}`);
}

/** Names of queues have no slash, words no dot. */
function oneWord(queue: string): string {
  return queue.replaceAll(".", "/");
}
