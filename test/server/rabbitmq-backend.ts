/** An opened RabbitMQ backend for tests that need no suite, and what a stranger may do on the same server. */

import { systemClock } from "../../src/clock/clock.ts";
import type { AmqpChannel } from "../../src/driver/rabbitmq/amqp/client.ts";
import { connect } from "../../src/driver/rabbitmq/amqp/connect.ts";
import { open, type RabbitBackend } from "../../src/driver/rabbitmq/index.ts";
import type { BackendOptions } from "../../src/port/backend.ts";
import type { RabbitServer } from "./rabbitmq-server.ts";

const never: AbortSignal = new AbortController().signal;

export function optionsOf(url: string, overrides: Partial<BackendOptions> = {}): BackendOptions {
  return {
    url: new URL(url),
    clock: systemClock,
    maxMessageBytes: 16 * 1024 * 1024,
    maxDepth: 0,
    commandTimeout: 30_000,
    allowEviction: false,
    keyPrefix: "",
    ...overrides,
  };
}

export function makeBackend(url: string, overrides?: Partial<BackendOptions>): RabbitBackend {
  return open(optionsOf(url, overrides));
}

export async function openBackend(url: string, overrides?: Partial<BackendOptions>): Promise<RabbitBackend> {
  const backend = makeBackend(url, overrides);
  await backend.open(never);
  return backend;
}

/** Runs with a confirming channel of a connection of its own. */
export async function asStranger<T>(rabbit: RabbitServer, run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
  const connection = await connect(
    {
      host: "127.0.0.1",
      port: rabbit.port,
      vhost: "/",
      username: "guest",
      password: "guest",
      heartbeat: 0,
      timeout: 30_000,
      clock: systemClock,
      name: "a stranger",
    },
    never,
  );
  try {
    const channel = await connection.openChannel();
    await channel.confirmSelect();
    return await run(channel);
  } finally {
    await connection.close();
  }
}
