/** The door `celeriac/outbox`: calls written into the user's own database by his transactions, and carried to the broker by a relay. */

export { outboxTable } from "./dialect.ts";
export type { OutboxDialect } from "./dialect.ts";
export { createOutbox } from "./outbox.ts";
export type { AddToOutbox, Outbox, OutboxOptions, RelayHandle, RelayOptions } from "./outbox.ts";
export type { OutboxConnection, Query } from "./query.ts";
export type { RelayEvent } from "./relay-event.ts";
