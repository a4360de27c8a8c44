/** What can go wrong between us and the server, sorted by the only question that matters: did it happen? */

import { CeleriacError } from "../../error/celeriac-error.ts";

/**
 * No answer. `unsent`: the server never saw the command. `unclear`: it may have run it; only a call that may be repeated is repeated.
 */
export class LinkError extends Error {
  override readonly name: string = "LinkError";
  readonly kind: "unsent" | "unclear";

  constructor(kind: "unsent" | "unclear", message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The server answered with an error. `word` is its first word: `OOM`, `NOSCRIPT`, `LOADING`. */
export class ServerRefusal extends Error {
  override readonly name: string = "ServerRefusal";
  readonly word: string;

  constructor(message: string) {
    super(message);
    this.word = /^(?:ERR )?([A-Z]+)/.exec(message)?.[1] ?? "ERR";
    // Inside a script the server's word comes first too, except in the sentences of 6.2.
    const inside = /\b(OOM) command not allowed|\b(READONLY) You can't write/.exec(message);
    if (inside) this.word = inside[1] ?? inside[2] ?? this.word;
  }
}

/** States that a server leaves by itself: nothing was done, the same command may be sent again. */
const passing = new Set([
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "BUSY",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "NOREPLICAS",
  "MISCONF",
]);

/** True if the same call may succeed later. */
export function isPassing(error: unknown): boolean {
  return error instanceof LinkError || (error instanceof ServerRefusal && passing.has(error.word));
}

/** What a client threw, as one of ours. `replied` is how ioredis marks errors that the server itself sent. */
export function failureOf(error: unknown): LinkError | ServerRefusal {
  if (error instanceof LinkError || error instanceof ServerRefusal) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "ReplyError") return new ServerRefusal(message);
  if (message.includes("enableOfflineQueue")) return new LinkError("unsent", "not connected");
  return new LinkError("unclear", message, { cause: error });
}

/** For callers outside of the driver: an answer of the server that no repeat will change. */
export function refusedBy(name: string, error: ServerRefusal): CeleriacError {
  return new CeleriacError("BACKEND_REFUSED", `${name} refused a command: ${error.message}`, { cause: error });
}

/** Node's codes for a certificate that it would not take. */
function isDistrust(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" && /CERT|^ERR_TLS_|^UNABLE_TO_/.test(code);
}

/** The first connection failed, or the first command on it. Texts of the server are safe to show: it never repeats a password. */
export function connectFailure(name: string, error: unknown): CeleriacError {
  const message = error instanceof Error ? error.message : String(error);
  const word = /^(?:ERR )?([A-Z]+)/.exec(message)?.[1] ?? "";
  if (["WRONGPASS", "NOAUTH", "NOPERM"].includes(word) || /invalid password|AUTH/.test(message))
    return new CeleriacError(
      "BACKEND_REFUSED",
      `${name} refused the login (${word || "AUTH"}): check user and password in the broker URL, and the rights of that user.`,
      { details: { word } },
    );
  if (isDistrust(error))
    return new CeleriacError(
      "BACKEND_REFUSED",
      `${name} shows a certificate that is not trusted (${message}): name its authority with ssl_ca_certs in the broker URL, or a host that stands in the certificate.`,
      { details: { word: "TLS" } },
    );
  if (message.includes("No such master"))
    return new CeleriacError(
      "BACKEND_REFUSED",
      `${name}: the sentinels answer, but know no servers of this name; check "master" in the broker URL.`,
    );
  const refusal = failureOf(error);
  if (refusal instanceof ServerRefusal && !isPassing(refusal))
    return new CeleriacError("BACKEND_REFUSED", `${name} refused the connection: ${message}`);
  return new CeleriacError(
    "BACKEND_UNREACHABLE",
    `${name} can't be reached (${message}): check host and port in the broker URL, and that the server runs.`,
  );
}
