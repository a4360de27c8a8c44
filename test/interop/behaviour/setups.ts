/** Rows on how servers are named and keys are laid out: prefixes, steps, passwords, sentinels, TLS, results sent back. */

import assert from "node:assert/strict";
import type { AppOptions, App } from "../../../src/index.ts";
import { makeCertificates } from "../../server/certificates.ts";
import { freePort } from "../../server/free-port.ts";
import { startSentinel } from "../../server/redis-sentinel.ts";
import { startRedis } from "../../server/redis-server.ts";
import type { Behaviour, Servers } from "../behaviour.ts";
import { PythonClient, type PythonSetup, PythonWorker } from "../python-process.ts";
import { patience, type Stage } from "../stage.ts";

/** The same place, as each side names it. */
interface Variant {
  readonly python: Partial<PythonSetup>;
  readonly ours: AppOptions;
  /** What must be so when a message waits in this queue. */
  readonly waiting?: (queue: string) => Promise<void>;
  /** Calls with a delay too. */
  readonly delay?: boolean;
}

const add = { name: "py.add", args: [2, 3], sum: 5 } as const;

/** Both directions of one set-up. */
function rows(
  name: string,
  make: (stage: Stage) => Promise<Variant> | Variant,
  more: Partial<Behaviour> = {},
): Behaviour[] {
  const on: readonly Servers[] = more.on ?? ["redis"];
  return [
    { name, on, ...more, direction: "TypeScript → Python", run: async (stage) => toPython(stage, await make(stage)) },
    {
      name,
      on,
      ...more,
      direction: "Python → TypeScript",
      run: async (stage) => toTypeScript(stage, await make(stage)),
    },
  ];
}

async function toPython(stage: Stage, { python, ours, waiting, delay }: Variant): Promise<void> {
  const queue = stage.fresh("a.place");
  const app = stage.use(stage.newApp(ours));
  const remote = app.remote<(x: number, y: number) => number>(add.name, { queue });
  const sent = await remote.enqueue([2, 3], { priority: 7 });
  await waiting?.(queue);
  stage.use(await PythonWorker.start({ ...stage.setup(), ...python }, queue, "-P", "solo"));
  assert.equal(await sent.get({ timeout: patience }), add.sum);
  if (delay === true) {
    const begun = Date.now();
    assert.equal(await (await remote.enqueue([3, 4], { delay: 1200 })).get({ timeout: patience }), 7);
    assert.ok(Date.now() - begun >= 1200);
  }
  const failing = app.remote<(name: string) => unknown>("py.fail", { queue });
  await assert.rejects((await failing.delay("ValueError")).get({ timeout: patience }), { type: "ValueError" });
}

async function toTypeScript(stage: Stage, { python, ours, waiting, delay }: Variant): Promise<void> {
  const queue = stage.fresh("a.place");
  const client = stage.use(await PythonClient.start({ ...stage.setup(), ...python }));
  await client.run("call = send('ts.add', (2, 3), queue=given, priority=7); None", queue);
  await waiting?.(queue);
  const app: App = stage.use(stage.newApp(ours));
  stage.use(await stage.work(app, [queue]));
  assert.equal(await client.run("call.get(timeout=100)"), add.sum);
  if (delay === true) {
    const begun = Date.now();
    assert.equal(await client.run("send('ts.add', (3, 4), queue=given, countdown=1.2).get(timeout=100)", queue), 7);
    assert.ok(Date.now() - begun >= 1180);
  }
  const failing = client.run("send('ts.fail', ('ValueError', 'boom'), queue=given).get(timeout=100)", queue);
  await assert.rejects(failing, { type: "builtins.ValueError" });
}

export const setups: readonly Behaviour[] = [
  ...rows("global_keyprefix, of queues", ({ redis }) => ({
    python: { settings: { broker_transport_options: { global_keyprefix: "team:" } } },
    ours: { keyPrefix: "team:" },
    waiting: async (queue) => assert.equal(await redis.cli("EXISTS", queue, `team:${queue}\u0006\u00166`), "1"),
  })),
  ...rows(
    "global_keyprefix, of results",
    (stage) => ({
      python: { settings: { result_backend_transport_options: { global_keyprefix: "res" } } },
      ours: { broker: `${stage.redis.url}?resultPrefix=res` },
    }),
    { since: "5.6" },
  ),
  ...rows("sep, priority_steps, unacked_key", async (stage) => {
    // Alone there: a Python worker falls over a list of inboxes that is written with another `sep` than its own.
    const redis = stage.use(await startRedis());
    const transport = { sep: ":", priority_steps: [0, 5, 10], unacked_key: "held", unacked_index_key: "held_at" };
    return {
      python: { broker: redis.url, results: redis.url, settings: { broker_transport_options: transport } },
      ours: { broker: `${redis.url}?sep=%3A&prioritySteps=0,5,10&unackedKey=held&unackedIndexKey=held_at` },
      waiting: async (queue: string) => assert.equal(await redis.cli("LLEN", `${queue}:5`), "1"),
    };
  }),
  ...rows("a password and another database", async (stage) => {
    const redis = stage.use(await startRedis({ password: "s3cret:/" }));
    const broker = redis.url.replace(/\/0$/, "/5");
    return { python: { broker, results: broker }, ours: { broker } };
  }),
  ...rows("sentinel", async (stage) => {
    const group = stage.use(await startSentinel({ name: "interop" }));
    const url = `sentinel://127.0.0.1:${String(group.port)}/0`;
    const options = { master_name: "interop" };
    return {
      python: {
        broker: url,
        results: url,
        settings: { broker_transport_options: options, result_backend_transport_options: options },
      },
      ours: { broker: `${url}?master=interop` },
    };
  }),
  ...rows(
    "TLS, with certificates on both sides",
    async (stage: Stage) => {
      const files = await makeCertificates(stage.folder);
      const port = await freePort();
      stage.use(
        await startRedis({
          config: {
            "tls-port": String(port),
            "tls-cert-file": files.server.cert,
            "tls-key-file": files.server.key,
            "tls-ca-cert-file": files.ca,
            "tls-auth-clients": "yes",
          },
        }),
      );
      const query = new URLSearchParams({
        ssl_cert_reqs: "required",
        ssl_ca_certs: files.ca,
        ssl_certfile: files.client.cert,
        ssl_keyfile: files.client.key,
      });
      const url = `rediss://127.0.0.1:${String(port)}/0?${query.toString()}`;
      return { python: { broker: url, results: url }, ours: { broker: url } };
    },
    { needs: "openssl" },
  ),
  ...["direct", "topic"].flatMap((exchange) =>
    rows(
      `quorum queues, a ${exchange} exchange${exchange === "topic" ? ": delays held by the broker" : ""}`,
      (stage) => ({
        python: {
          settings: {
            task_create_missing_queue_type: "quorum",
            task_create_missing_queue_exchange_type: exchange,
            broker_transport_options: { confirm_publish: true },
          },
        },
        ours: { broker: `${stage.broker}?queueType=quorum` },
        delay: true,
      }),
      { on: ["rabbitmq"], since: "5.6" },
    ),
  ),
  ...rows(
    "TLS, with certificates on both sides",
    (stage) => {
      const { server, certificates } = stage.place.rabbit ?? {};
      const { ca = "", client: { cert, key } = { cert: "", key: "" } } = certificates ?? {};
      const broker = `amqps://guest:guest@127.0.0.1:${String(server?.tlsPort)}//`;
      const ssl = { ca_certs: ca, certfile: cert, keyfile: key, cert_reqs: 2, server_hostname: "127.0.0.1" };
      const settings = { broker_use_ssl: ssl, broker_transport_options: { confirm_publish: true } };
      return {
        python: { broker, settings },
        ours: { broker: `${broker}?${new URLSearchParams({ ca, cert, key }).toString()}` },
      };
    },
    { on: ["rabbitmq"], needs: "openssl" },
  ),
  ...rows(
    "a login and a virtual host of its own",
    async (stage) => {
      const rabbit = stage.place.rabbit?.server;
      const name = stage.fresh("tenant");
      await rabbit?.ctl("add_vhost", `/${name}`);
      await rabbit?.ctl("add_user", name, "s3cret");
      await rabbit?.ctl("set_permissions", "-p", `/${name}`, name, ".*", ".*", ".*");
      const broker = `amqp://${name}:s3cret@127.0.0.1:${String(rabbit?.port)}/%2F${name}`;
      return { python: { broker }, ours: { broker } };
    },
    { on: ["rabbitmq"] },
  ),
  ...rows("results sent back over rpc://", () => ({ python: { results: "rpc://" }, ours: { results: "rpc://" } })),
];
