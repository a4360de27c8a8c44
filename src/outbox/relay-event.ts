/** What a relay tells whoever runs it. */

/**
 * `sent`: rows that went to the broker and are gone. `set-aside`: one that can never be sent as it is; it stays, with the reason in its
 * column `trouble`. `full`: these queues take no more just now. `trouble`: broker or database failed; the next try is in `wait` milliseconds.
 *
 * @example
 * ```ts
 * await using relay = await outbox.relay({ report: (event) => event.type === "set-aside" && console.error(event.why) });
 * ```
 */
export type RelayEvent =
  | { readonly type: "sent"; readonly count: number }
  | { readonly type: "set-aside"; readonly seq: number; readonly why: string }
  | { readonly type: "full"; readonly queues: readonly string[] }
  | { readonly type: "trouble"; readonly error: unknown; readonly wait: number }
  | { readonly type: "recovered" };
