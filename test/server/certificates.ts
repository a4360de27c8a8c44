/** A private certificate authority, a server's certificate for 127.0.0.1 and localhost, and a client's: made by openssl, valid two days. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireProgram } from "./required-program.ts";

export interface Certificates {
  readonly ca: string;
  readonly server: Pair;
  readonly client: Pair;
}
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Paths of PEM files in `dir`. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  requireProgram("openssl");
  const make = async (name: string, ...more: readonly string[]): Promise<Pair> => {
    const pair = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const into = ["-subj", `/CN=celeriac ${name}`, "-out", pair.cert, "-keyout", pair.key];
    await promisify(execFile)("openssl", ["req", ...kind, ...into, ...more]);
    return pair;
  };
  const ca = await make("authority");
  const signed = ["-CA", ca.cert, "-CAkey", ca.key, "-addext", "basicConstraints=critical,CA:FALSE"];
  return {
    ca: ca.cert,
    server: await make("server", ...signed, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
    client: await make("client", ...signed),
  };
}
