/** Ids that follow from others, so that a repeated step sends what it sent before. No randomness here. */

import { createHash } from "node:crypto";

/** Namespace of ids that follow from a task's; drawn once. Changing it would make a repeat after an upgrade a second task. */
const followUpNamespace = "5b0a9c1e-3f64-4d0b-9a57-c61e7d2f8b43";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** RFC 9562, version 5. Throws RangeError if `namespace` is no UUID. */
export function uuidv5(namespace: string, name: string): string {
  if (!isUuid(namespace)) throw new RangeError(`not a UUID: ${JSON.stringify(namespace.slice(0, 60))}`);
  const hash = createHash("sha1")
    .update(Buffer.from(namespace.replaceAll("-", ""), "hex"))
    .update(name, "utf8")
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The id of what task `taskId` sends in this role (`"chain"`, `"callback.0"`, …): the same each time it is asked. */
export function followUpId(taskId: string, role: string): string {
  return uuidv5(isUuid(taskId) ? taskId : uuidv5(followUpNamespace, taskId), role);
}
