/**
 * The one record that crosses processes, and the words this code base uses.
 *
 * task       a named function that a worker can run
 * message    one call of a task as it travels: headers that are read, a body that is not
 * delivery   a message leased to one worker; its fence grows with every claim
 * execution  one run of a delivery inside a worker
 * outcome    how an execution ended: value, failure, retry, replace, rejection, revocation
 * settlement what becomes of the delivery: result stored, what follows sent, queue row gone, in that order
 * queue      a named, approximately first-in-first-out line of messages
 * worker     a process that claims deliveries and runs them in a pool
 * pool       where handlers run: child processes, threads, or inline
 * lease      the time for which a claim is exclusive unless renewed
 * fence      a number that only grows; the newest holder has the highest
 */

/** One message as it travels. Bytes, not values: headers are parsed, the body is not. */
export interface Message {
  readonly headers: Readonly<Record<string, unknown>>; // null prototype
  readonly properties: MessageProperties;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly body: Uint8Array; // after base64, before decompression and parsing
}
export interface MessageProperties {
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** Wire number, passed through. Which end is first is `features.priority.first`. */
  readonly priority?: number;
  /** Names this PUBLISH (not the task). Same value twice without a redelivered flag = the same publish repeated. */
  readonly messageId?: string;
}

/** A message that cannot be parsed. It is a delivery all the same, so that it can be buried like any other. */
export interface Malformed {
  readonly malformed: true;
  readonly reason: string;
  readonly code: string;
}
