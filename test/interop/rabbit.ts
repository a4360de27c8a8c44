/** RabbitMQ as all its columns share it: it takes seconds to start. It speaks TLS too, where openssl can make the certificates. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificates, makeCertificates } from "../server/certificates.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { programAvailable } from "../server/required-program.ts";

export interface SharedRabbit extends AsyncDisposable {
  readonly server: RabbitServer;
  readonly certificates: Certificates | undefined;
}

export async function shareRabbit(): Promise<SharedRabbit> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-interop-tls-"));
  const certificates = programAvailable("openssl") ? await makeCertificates(folder) : undefined;
  const server = await startRabbit(
    certificates === undefined ? {} : { tls: { ca: certificates.ca, ...certificates.server, verify: true } },
  );
  return {
    server,
    certificates,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
