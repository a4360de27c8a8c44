/** Why a child did not come up, in the child's own words where it had any. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { ControlFromChild, LinkEnd } from "./link.ts";

export function loadFailed(why: string, cause?: Error): CeleriacError {
  const options = cause ? { cause } : {};
  return new CeleriacError("APP_LOAD_FAILED", `The app could not be loaded in a child of the pool: ${why}.`, options);
}

/** With the child's stack as cause, because that names the line to look at. */
export function toldByChild(message: Extract<ControlFromChild, { readonly t: "unready" }>): CeleriacError {
  const cause = new Error(message.message);
  cause.stack = message.stack;
  return new CeleriacError(message.code as ErrorCode, message.message, { cause });
}

export function endedAtBoot(end: LinkEnd): CeleriacError {
  if (end.error) return loadFailed(`the child did not start (${end.error.message})`, end.error);
  const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
  const tail = end.stderrTail === "" ? "" : `, and its last lines were: ${end.stderrTail}`;
  return loadFailed(`the child ended while it loaded the app (${how})${tail}`);
}
