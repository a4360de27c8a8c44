/**
 * Where an envelope says that it belongs. kombu puts a message back by it and by nothing else, so one that is moved to another queue must say
 * that queue. Edited in the text itself, as marks are.
 */

import { applyEdits, type Edit, objectAt, replaceMembers } from "./json-edit.ts";
import { membersOf, skipSpace } from "./json-scan.ts";

const routeNames: ReadonlySet<string> = new Set(["exchange", "routing_key"]);

/** The same text, sent straight to this queue. Text that is no envelope, or says no way, comes back as it is. */
export function spliceRoute(raw: string, queue: string): string {
  const envelope = membersOf(raw, skipSpace(raw, 0));
  const properties = envelope && objectAt(raw, envelope.members, "properties");
  const info = properties && objectAt(raw, properties.members, "delivery_info");
  if (info === undefined) return raw;
  const edits: Edit[] = [];
  replaceMembers(info, routeNames, ['"exchange":""', `"routing_key":${JSON.stringify(queue)}`], edits);
  return applyEdits(raw, edits);
}
