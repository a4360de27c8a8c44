/** What can go wrong between us and the server, in our words, each with what to do about it. Texts of the server never hold a password. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { ChannelError, ConnectionError } from "./amqp/client.ts";
import type { Location } from "./location.ts";

/** AMQP's reply codes. */
export const replyCode = { refused: 403, notFound: 404, locked: 405, mismatch: 406, notAllowed: 530 } as const;

/** There is no connection just now. */
export class NotConnected extends Error {
  override readonly name: string = "NotConnected";
}

/** True if the same call may succeed later, on the next connection or channel. */
export function isPassing(error: unknown): boolean {
  return error instanceof NotConnected || error instanceof ConnectionError;
}

export function isChannelError(error: unknown, ...codes: readonly number[]): error is ChannelError {
  return error instanceof ChannelError && codes.includes(error.code);
}

/** The first connection failed. */
export function connectFailure(location: Location, error: unknown): CeleriacError {
  if (error instanceof CeleriacError) return error;
  const { name, vhost } = location;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ConnectionError || error instanceof ChannelError ? error.code : 0;
  if (code === replyCode.refused)
    return new CeleriacError(
      "BACKEND_REFUSED",
      `${name} refused the login: check user and password in the broker URL (the user guest may log in from the server's own machine only).`,
      { details: { code } },
    );
  if (code === replyCode.notAllowed)
    return new CeleriacError(
      "BACKEND_REFUSED",
      `${name} does not let this user into the vhost "${vhost}" (${message}): check the path of the broker URL, where "/" or nothing is the vhost "/", or create it with rabbitmqctl add_vhost and set_permissions.`,
      { details: { code, vhost } },
    );
  return new CeleriacError(
    "BACKEND_UNREACHABLE",
    `${name} can't be reached (${message}): check host and port in the broker URL, and that the server runs.`,
    { cause: error },
  );
}

/** An answer of the server that no repeat will change. */
export function refusedBy(location: Location, error: ChannelError | ConnectionError): CeleriacError {
  const remedy =
    error.code === replyCode.refused
      ? `give its user the rights to configure, write and read there (rabbitmqctl set_permissions)`
      : error.code === replyCode.locked
        ? "the queue belongs to one connection of another program; use another name"
        : "see the server's log";
  return new CeleriacError("BACKEND_REFUSED", `${location.name} refused a call: ${error.message}; ${remedy}.`, {
    cause: error,
    details: { code: error.code },
  });
}
