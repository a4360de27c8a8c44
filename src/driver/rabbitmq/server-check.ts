/** Is this server one to trust tasks to? Asked once at `open`, from what it says of itself in the handshake. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Warning } from "../../port/units.ts";
import type { FieldTable } from "./amqp/client.ts";
import type { Location } from "./location.ts";

/** Quorum queues, which hold what is delayed, came with it. */
const oldest = [3, 8] as const;

/** Throws BACKEND_VERSION. */
export function checkServer(
  facts: FieldTable,
  location: Location,
): { readonly major: number; readonly warnings: readonly Warning[] } {
  const { name, queueType, tls } = location;
  const { product = "an unknown server", version = "0.0" } = facts as { readonly product?: string; version?: string };
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (product !== "RabbitMQ" || !(major > oldest[0] || (major === oldest[0] && minor >= oldest[1])))
    throw new CeleriacError(
      "BACKEND_VERSION",
      `${name} is ${product} ${version}; RabbitMQ ${oldest.join(".")} or newer is needed: upgrade the server.`,
      { details: { product, version } },
    );
  const warnings: Warning[] = [
    {
      code: "DEDUPE_NONE",
      text: `${name} takes a message twice if it is sent twice; it is started once only where results are kept on Redis or SQLite.`,
    },
    {
      code: "PAUSE_OURS_ONLY",
      text: `${name} cannot pause a queue for Celery's workers: pausing stops ours, not theirs.`,
    },
  ];
  if (tls?.verify === false) {
    const text = `${name} is not asked who it is (verify=false): whoever sits in between can read and change every task.`;
    warnings.push({ code: "TLS_UNVERIFIED", text });
  }
  if (queueType === "quorum") {
    const limit = major >= 4 ? "20 deliveries unless a policy says otherwise" : "the deliveries that a policy may set";
    const text = `${name} drops a message of a quorum queue after ${limit}: set x-delivery-limit and a dead-letter exchange by policy.`;
    warnings.push({ code: "DELIVERY_LIMIT", text });
  }
  return { major, warnings };
}
