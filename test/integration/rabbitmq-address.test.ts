/** Where RabbitMQ may be found: over TLS, with certificates on both sides, on IPv6, in odd virtual hosts, under odd names and passwords. */

import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { RabbitBackend } from "../../src/driver/rabbitmq/index.ts";
import { type Certificates, makeCertificates } from "../server/certificates.ts";
import { freePort } from "../server/free-port.ts";
import { makeBackend } from "../server/rabbitmq-backend.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { Catch, idOf, outgoing } from "../server/redis-backend.ts";
import { describeWith } from "../server/required-program.ts";

const never = new AbortController().signal;
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

describeWith("rabbitmq-server", "the address of RabbitMQ", () => {
  let dir: string;
  let certificates: Certificates;
  let rabbit: RabbitServer;
  let portOf6: number;
  const opened: RabbitBackend[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "celeriac-rabbitmq-tls-"));
    certificates = await makeCertificates(dir);
    const { ca, server } = certificates;
    portOf6 = await freePort();
    const config: Record<string, string> = hasIpv6 ? { "listeners.tcp.2": `::1:${portOf6}` } : {};
    rabbit = await startRabbit({ config, tls: { ca, ...server, verify: true } });
  }, 240_000);
  afterAll(async () => {
    await rabbit?.stop();
    await rm(dir, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((backend) => backend.close()));
  });
  const made = (url: string): RabbitBackend => {
    const backend = makeBackend(url);
    opened.push(backend);
    return backend;
  };
  const secure = (host: string, options: Readonly<Record<string, string>>): string =>
    `amqps://${host}:${rabbit.tlsPort}//?${new URLSearchParams(options).toString()}`;
  /** A message there and back, on both connections. */
  const works = async (url: string): Promise<void> => {
    const backend = made(url);
    await backend.open(never);
    const queue = `address-${crypto.randomUUID()}`;
    await backend.broker.publish([outgoing(queue, "a")], never);
    const caught = await Catch.open(backend, queue, 1);
    expect((await caught.until(1)).map(idOf)).toEqual(["a"]);
  };

  test.each(["localhost", "127.0.0.1"])(
    "TLS to %s, with a certificate of ours and one of the server's that we trust",
    async (host) => {
      const { ca, client } = certificates;
      await works(secure(host, { ca, ...client }));
      await works(secure(host, { ...client, verify: "false" }));
    },
  );

  test("TLS with a server that nothing says we trust, or without the certificate that it wants, is refused with the reason", async () => {
    const { ca, client } = certificates;
    const unknown = made(secure("localhost", { ...client }));
    await expect(unknown.open(never)).rejects.toMatchObject({
      code: "BACKEND_UNREACHABLE",
      message: expect.stringMatching(/certificate/i),
    });
    await expect(made(secure("localhost", { ca })).open(never)).rejects.toMatchObject({ code: "BACKEND_UNREACHABLE" });
    const absent = made(secure("localhost", { ca: join(dir, "absent.pem") }));
    await expect(absent.open(never)).rejects.toMatchObject({ code: "BROKER_URL_INVALID" });
  });

  test.runIf(hasIpv6)("an IPv6 address in brackets", () => works(`amqp://[::1]:${portOf6}//`));

  test.each([
    ["a slash", "a/b", "simple"],
    ["percent signs and spaces", "50% of it", "p%41 ss%"],
    ["what URLs are made of", "?#:@&=+", ":/?#[]@!$&'()*+,;=%"],
    ["letters of other scripts", "größe", "пароль"],
  ])("a virtual host, a user and a password with %s", async (_, vhost, password) => {
    const user = `u ${vhost}`;
    await rabbit.ctl("add_vhost", vhost);
    await rabbit.ctl("add_user", user, password);
    await rabbit.ctl("set_permissions", "-p", vhost, user, ".*", ".*", ".*");
    const [login, path] = [`${encodeURIComponent(user)}:${encodeURIComponent(password)}`, encodeURIComponent(vhost)];
    await works(`amqp://${login}@127.0.0.1:${rabbit.port}/${path}`);
  });
});
