/** `rediss:` against a real server: whom it trusts, what it shows of itself, and what it says when it does not trust. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "../../../test/server/certificates.ts";
import { freePort } from "../../../test/server/free-port.ts";
import { Catch, eventually, idOf, makeBackend, never, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("openssl", "redis over TLS", () => {
  let dir: string;
  let files: Certificates;
  let redis: RedisServer;
  let port: number;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "celeriac-tls-"));
    files = await makeCertificates(dir);
    port = await freePort();
    redis = await startRedis({
      appendonly: true,
      config: {
        "tls-port": String(port),
        "tls-cert-file": files.server.cert,
        "tls-key-file": files.server.key,
        "tls-ca-cert-file": files.ca,
        "tls-auth-clients": "optional",
      },
    });
  });
  afterAll(async () => {
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const url = (query: Record<string, string>, host = "127.0.0.1"): string =>
    `rediss://${host}:${port}/0?${String(new URLSearchParams(query))}`;
  const openError = async (target: string): Promise<{ code?: string; message?: string }> => {
    const backend = makeBackend(target, { commandTimeout: 10_000 });
    const error: unknown = await backend.open(never).catch((reason: unknown) => reason);
    await backend.close();
    return error as { code?: string; message?: string };
  };

  it.each(["127.0.0.1", "localhost"])("runs with the authority named, as %s", async (host) => {
    const backend = makeBackend(url({ ssl_ca_certs: files.ca }, host));
    expect(await backend.open(never)).toEqual([]);
    await backend.broker.publish([outgoing("q", "t")], never);
    const caught = await Catch.open(backend, "q", 1);
    expect((await caught.until(1)).map(idOf)).toEqual(["t"]);
    await caught.consumer.settle(caught.all.map((delivery) => ({ delivery, then: { kind: "ack" } })));
    await backend.close();
  });

  it("renews from its own thread too", async () => {
    const backend = makeBackend(url({ ssl_ca_certs: files.ca }));
    await backend.open(never);
    const connections = async (): Promise<number> => (await redis.cli("CLIENT", "LIST")).split("\n").length;
    const before = await connections();
    const caught = await Catch.open(backend, "own", 1, { lease: 6_000, sweep: 100, userCodeHere: true });
    // One for each thing it waits for, and the last for the renewing thread, whose start may take longer than a lease.
    await eventually("the renewing thread", async () => (await connections()) >= before + 3);
    await backend.broker.publish([outgoing("own", "t")], never);
    const [delivery] = await caught.until(1);
    // Longer than a lease: without renewal it would be lost and come again.
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect([delivery?.lost.aborted, caught.all.length]).toEqual([false, 1]);
    await backend.close();
  });

  it("refuses a server whose certificate it does not know, and says what to do", async () => {
    const error = await openError(url({}));
    expect(error).toMatchObject({
      code: "BACKEND_REFUSED",
      message: expect.stringContaining("ssl_ca_certs") as string,
    });
  });

  it("refuses a server that has another name, unless it shall not look", async () => {
    // Resolves to the same machine; the certificate has neither this address nor this name.
    const wrong = (query: Record<string, string>): string => url({ ssl_ca_certs: files.ca, ...query }, "127.0.0.2");
    await redis.cli("config", "set", "bind", "127.0.0.1 127.0.0.2");
    expect(await openError(wrong({}))).toMatchObject({ code: "BACKEND_REFUSED" });
    const careless = makeBackend(wrong({ ssl_check_hostname: "false" }));
    expect(await careless.open(never)).toEqual([]);
    await careless.close();
  });

  it("takes any certificate if told so, and warns", async () => {
    const backend = makeBackend(url({ ssl_cert_reqs: "none" }));
    expect((await backend.open(never)).map(({ code }) => code)).toEqual(["TLS_UNVERIFIED"]);
    await backend.close();
  });

  it("shows a certificate of its own where the server asks for one", async () => {
    await redis.cli("config", "set", "tls-auth-clients", "yes");
    const { cert, key } = files.client;
    expect(await openError(url({ ssl_ca_certs: files.ca }))).toMatchObject({
      code: expect.stringMatching(/^BACKEND_/) as string,
    });
    const backend = makeBackend(url({ ssl_ca_certs: files.ca, ssl_certfile: cert, ssl_keyfile: key }));
    expect(await backend.open(never)).toEqual([]);
    await backend.close();
    await redis.cli("config", "set", "tls-auth-clients", "optional");
  });

  it("names the file that it cannot read", async () => {
    const missing = join(dir, "missing.pem");
    expect(await openError(url({ ssl_ca_certs: missing }))).toMatchObject({
      code: "BROKER_URL_INVALID",
      message: expect.stringMatching(/missing\.pem.*ssl_ca_certs.*ENOENT/) as string,
    });
    const nonsense = join(dir, "nonsense.pem");
    await writeFile(nonsense, "no certificate");
    expect(await openError(url({ ssl_ca_certs: files.ca, ssl_certfile: nonsense }))).toMatchObject({
      code: expect.stringMatching(/^B/) as string,
    });
  });
});
