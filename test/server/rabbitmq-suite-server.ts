/**
 * RabbitMQ for the conformance suites: one private server a test file, each client behind a proxy and a clock of its own. It keeps no
 * results and no terms, so those of a server in memory stand in for them.
 */

import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock/clock.ts";
import { MemoryBackend } from "../../src/driver/memory/backend.ts";
import { MemoryServer } from "../../src/driver/memory/server.ts";
import { connect } from "../../src/driver/rabbitmq/amqp/connect.ts";
import { queueArguments } from "../../src/driver/rabbitmq/declarations.ts";
import { open as openRabbit } from "../../src/driver/rabbitmq/index.ts";
import { readLocation } from "../../src/driver/rabbitmq/location.ts";
import type { BackendOptions } from "../../src/port/backend.ts";
import type { Broker } from "../../src/port/broker.ts";
import { stoppableClock, type MakeServer, type SuiteServer } from "../../src/testing/conformance/suite-server.ts";
import { dropLinks, ProxiedClients } from "./proxied-clients.ts";
import { startRabbit, type RabbitServer } from "./rabbitmq-server.ts";
import { startProxy } from "./tcp-proxy.ts";

const never: AbortSignal = new AbortController().signal;
/** Until RabbitMQ has written down that there is a queue, as seen, with room for a busy machine; ms. */
const newQueueTime = 1500;

/** Registers the hooks that start and stop the server around the suites of this file; what it returns takes options of the URL. */
export function rabbitSuiteServer(): (query?: string) => MakeServer {
  let rabbit: RabbitServer | undefined;
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 180_000);
  afterAll(() => rabbit?.stop());
  return (query = "") =>
    () => {
      if (rabbit === undefined) throw new Error("the suite's RabbitMQ did not start");
      return Promise.resolve(makeServer(rabbit, query));
    };
}

function makeServer(rabbit: RabbitServer, query: string): SuiteServer {
  const results = new MemoryServer(systemClock);
  const clients = new ProxiedClients();
  // What an app's tasks would name: RabbitMQ itself tells nobody which queues it has.
  const queues = new Set<string>();
  return {
    timing: { lease: 2400, sweep: 200 },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: () => Date.now(),
    async open(overrides, mortal = false) {
      const proxy = await startProxy(rabbit.port);
      const clock = stoppableClock(systemClock);
      const options: Omit<BackendOptions, "url"> = {
        clock,
        maxMessageBytes: 16 * 1024 * 1024,
        maxDepth: 0,
        commandTimeout: mortal ? 3000 : 30_000,
        allowEviction: false,
        keyPrefix: "",
        knownQueues: () => [...queues],
        ...overrides,
      };
      // With a heartbeat of a second a silent link is noticed after two here, and after up to three at the server.
      const url = new URL(`amqp://127.0.0.1:${proxy.port}//?heartbeat=${mortal ? 1 : 60}${query}`);
      const backend = openRabbit({ ...options, url });
      const memory = new MemoryBackend(results, { ...options, url: new URL("memory:") });
      await Promise.all([backend.open(never), memory.open(never)]);
      const client = {
        replies: backend.replies,
        broker: noting(backend.broker, queues),
        store: memory.store,
        bus: backend.bus,
        lease: memory.lease,
        control: memory.control,
        limits: memory.limits,
        open: (signal: AbortSignal) => backend.open(signal),
        examine: () => backend.examine(),
        close: async () => {
          await backend.close();
          await memory.close();
          await proxy.close();
        },
      };
      return clients.add(client, proxy, clock);
    },
    async restart() {
      // A quorum queue whose server is killed in the moment after it was made comes back without its log, and answers nobody (3.10).
      await new Promise((resolve) => setTimeout(resolve, newQueueTime));
      await rabbit.restart();
    },
    putRaw: (queue, bytes) => putRaw(rabbit, query, queue, bytes),
    cutOff: (client) => Promise.resolve(clients.proxyOf(client).blackHole(true)),
    loseEvents(_from, to) {
      const proxy = clients.proxyOf(to);
      dropLinks(proxy);
      proxy.refuse(false);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function noting(broker: Broker, queues: Set<string>): Broker {
  return {
    features: broker.features,
    open: (signal) => broker.open(signal),
    close: () => broker.close(),
    joins: (store) => broker.joins(store),
    publish(batch, signal) {
      for (const { queue } of batch) queues.add(queue);
      return broker.publish(batch, signal);
    },
    consume(options, take) {
      for (const queue of options.queues) queues.add(queue);
      return broker.consume(options, take);
    },
    queues: broker.queues,
    dead: broker.dead,
  };
}

/** As a stranger would: a body, and not one property. */
async function putRaw(rabbit: RabbitServer, query: string, queue: string, body: Uint8Array): Promise<void> {
  const location = readLocation(new URL(`${rabbit.url}?heartbeat=10${query}`));
  const { host, port, vhost, username, password, heartbeat } = location;
  const server = { host, port, vhost, username, password, heartbeat };
  const connection = await connect({ ...server, timeout: 30_000, clock: systemClock, name: "a stranger" }, never);
  const channel = await connection.openChannel();
  await channel.confirmSelect();
  await channel.declareQueue(queue, { durable: true, arguments: queueArguments(location) });
  await channel.publish({ exchange: "", routingKey: queue, mandatory: true, properties: {}, body });
  await connection.close();
}
