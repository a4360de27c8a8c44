/** How a connection begins and ends against a real server: logins, networks that fail, alarms, TLS. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createWebServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { makeCertificates, type Certificates } from "../../../../test/server/certificates.ts";
import { startRabbit, type RabbitServer } from "../../../../test/server/rabbitmq-server.ts";
import { eventually } from "../../../../test/server/redis-backend.ts";
import { describeWith } from "../../../../test/server/required-program.ts";
import { startProxy } from "../../../../test/server/tcp-proxy.ts";
import { systemClock } from "../../../clock/clock.ts";
import { ConnectionError, type AmqpConnection, type ConnectOptions, type Outbound } from "./client.ts";
import { connect } from "./connect.ts";

const never = new AbortController().signal;

function message(queue: string, body: Uint8Array): Outbound {
  return { exchange: "", routingKey: queue, mandatory: true, properties: { deliveryMode: 2 }, body };
}

describeWith("openssl", "an AMQP connection over TLS", () => {
  describeWith("rabbitmq-server", "and without", () => {
    let rabbit: RabbitServer;
    let dir: string;
    let files: Certificates;
    const ends: (() => unknown)[] = [];
    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), "celeriac-amqp-"));
      files = await makeCertificates(dir);
      rabbit = await startRabbit({ tls: { ca: files.ca, ...files.server } });
    }, 100_000);
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end();
    });
    afterAll(async () => {
      await rabbit.stop();
      await rm(dir, { recursive: true, force: true });
    });

    const connectTo = async (options: Partial<ConnectOptions> = {}, signal = never): Promise<AmqpConnection> => {
      const login = { vhost: "/", username: "guest", password: "guest", name: "test" };
      const where = { host: "127.0.0.1", port: rabbit.port };
      const connection = await connect(
        { ...where, ...login, heartbeat: 10_000, timeout: 20_000, clock: systemClock, ...options },
        signal,
      );
      ends.push(() => connection.close());
      return connection;
    };
    const refusal = async (options: Partial<ConnectOptions>, signal?: AbortSignal): Promise<Error> => {
      const ending: unknown = await connectTo(options, signal).catch((error: unknown) => error);
      expect(ending).toBeInstanceOf(Error);
      expect(JSON.stringify([ending, (ending as Error).message, String((ending as Error).cause)])).not.toContain(
        "s3cret",
      );
      return ending as Error;
    };
    const ended = (connection: AmqpConnection): Promise<Error> =>
      new Promise((resolve) => connection.on("closed", resolve));
    const listen = async (server: Server): Promise<number> => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      ends.push(() => server.close());
      return (server.address() as AddressInfo).port;
    };

    test("knows its server and shows itself to it", async () => {
      const connection = await connectTo({ heartbeat: 7000, name: "celeriac of the test" });
      expect(connection.serverProperties).toMatchObject({ product: "RabbitMQ", capabilities: { "basic.nack": true } });
      expect([connection.heartbeat, connection.blocked, connection.closed]).toEqual([7000, undefined, false]);
      const seen = await rabbit.ctl("list_connections", "client_properties", "timeout", "frame_max");
      for (const part of [
        "celeriac of the test",
        '"product","celeriac"',
        "authentication_failure_close",
        "7",
        "131072",
      ])
        expect(seen).toContain(part);
    });

    test.each([
      [{ username: "nobody", password: "s3cret" }, 403, /403 ACCESS_REFUSED/],
      [{ vhost: "/none" }, 530, /530 NOT_ALLOWED - vhost \/none not found/],
      [{ port: 1 }, 0, /ECONNREFUSED/],
      [{ host: "no-such-host.invalid" }, 0, /ENOTFOUND|EAI_AGAIN/],
    ])("%o is refused with the server's own words", async (options, code, message) => {
      const error = await refusal({ password: "guest", ...options });
      expect(error).toMatchObject({ name: "ConnectionError", code });
      expect(error.message).toMatch(message);
    });

    test("says so where something else answers, or nothing", async () => {
      const web = await listen(createWebServer());
      expect((await refusal({ port: web })).message).toMatch(/no AMQP server \(it begins with "HTTP/);
      const rude = await listen(createServer((socket) => void socket.end()));
      expect((await refusal({ port: rude })).message).toMatch(/ended the connection without a word/);
      const mute = await listen(createServer((socket) => void socket.on("error", () => undefined).resume()));
      expect((await refusal({ port: mute, timeout: 100 })).message).toMatch(
        /didn't finish the handshake within 100 ms/,
      );
    });

    test("ends a handshake that is given up, with the signal's reason", async () => {
      const mute = await listen(createServer((socket) => void socket.on("error", () => undefined).resume()));
      const gaveUp = new AbortController();
      const connecting = refusal({ port: mute }, gaveUp.signal);
      const reason = new Error("given up");
      gaveUp.abort(reason);
      expect(await connecting).toBe(reason);
      expect(await refusal({}, gaveUp.signal)).toBe(reason);
    });

    test("drops a link that is silent for two heartbeats, and rejects what waits on it", async () => {
      const proxy = await startProxy(rabbit.port);
      ends.push(() => proxy.close());
      const connection = await connectTo({ port: proxy.port, heartbeat: 3000 });
      const channel = await connection.openChannel();
      const queue = `q-${crypto.randomUUID()}`;
      await channel.declareQueue(queue, { exclusive: true });
      await channel.confirmSelect();
      const channelEnded = new Promise<Error>((resolve) => channel.on("closed", resolve));
      const lost = ended(connection);
      proxy.blackHole(true);
      const from = performance.now();
      const results = await Promise.allSettled([
        channel.publish(message(queue, Buffer.from("b"))),
        channel.prefetch(1, false),
        channel.get(queue, true),
      ]);
      const reason = await lost;
      expect(performance.now() - from).toBeGreaterThan(5900);
      expect(reason).toMatchObject({ name: "ConnectionError", code: 0 });
      expect(reason.message).toMatch(/silent for more than two heartbeats of 3000 ms/);
      expect(results.map((result) => result.status === "rejected" && (result.reason as unknown))).toEqual(
        [1, 2, 3].map(() => reason),
      );
      expect(await channelEnded).toBe(reason);
      await expect(connection.openChannel()).rejects.toBe(reason);
      expect(await ended(connection)).toBe(reason);
      await connection.close();
    });

    test("keeps an idle link alive by its own heartbeats", async () => {
      const connection = await connectTo({ heartbeat: 3000 });
      // The server would have cut it after six to nine seconds.
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      await (await connection.openChannel()).close();
      expect(connection.closed).toBe(false);
    });

    test("outlives a pause of this process that is longer than two heartbeats", async () => {
      const connection = await connectTo({ heartbeat: 4000, timeout: 5000 });
      const channel = await connection.openChannel();
      const answer = channel.declareQueue(`q-${crypto.randomUUID()}`, { exclusive: true });
      // Written, and answered while nobody reads.
      await new Promise((resolve) => setImmediate(resolve));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 8200);
      expect((await answer).messages).toBe(0);
      await channel.prefetch(1, false);
      expect(connection.closed).toBe(false);
    });

    test("ends when an answer does not come in time", async () => {
      const proxy = await startProxy(rabbit.port);
      ends.push(() => proxy.close());
      const connection = await connectTo({ port: proxy.port, timeout: 3000 });
      const channel = await connection.openChannel();
      const lost = ended(connection);
      proxy.halfOpen(true);
      await expect(channel.declareQueue("q", { exclusive: true })).rejects.toThrow(/queue.declare within 3000 ms/);
      expect(await lost).toBeInstanceOf(ConnectionError);
      expect(channel.closed).toBe(true);
    });

    test("ends at once when it is destroyed, with the reason it was given", async () => {
      const connection = await connectTo();
      const channel = await connection.openChannel();
      const lost = ended(connection);
      const answer = channel.declareQueue("q", { exclusive: true });
      const reason = new Error("enough");
      connection.destroy(reason);
      await expect(answer).rejects.toBe(reason);
      expect(await lost).toBe(reason);
    });

    test("takes all that was written before it closes, and says nothing about its own end", async () => {
      const connection = await connectTo();
      const channel = await connection.openChannel();
      const heard: Error[] = [];
      connection.on("closed", (error) => heard.push(error));
      const queue = `q-${crypto.randomUUID()}`;
      await channel.declareQueue(queue, { durable: true });
      await channel.confirmSelect();
      const deliveries: number[] = [];
      await channel.consume(
        queue,
        {},
        ({ deliveryTag }) => void deliveries.push(deliveryTag),
        () => undefined,
      );
      await channel.publish(message(queue, Buffer.from("b")));
      await eventually("the delivery", () => deliveries.length === 1);
      // Its confirm may come before the end of the connection or not.
      const confirm = channel.publish(message(queue, Buffer.alloc(1_000_000))).catch(() => undefined);
      channel.ack(deliveries[0]!, false);
      await Promise.all([connection.close(), connection.close(), confirm]);
      const after = await (await connectTo()).openChannel();
      // The large one went to its queue, the acknowledged one did not go back.
      const waits = async (): Promise<number> => (await after.declareQueue(queue, { durable: true })).messages;
      await eventually("the large one", async () => (await waits()) > 0);
      expect(await after.deleteQueue(queue)).toBe(1);
      expect(heard).toEqual([]);
    });

    test("learns of alarms and of their end", async () => {
      const connection = await connectTo();
      const channel = await connection.openChannel();
      const queue = `q-${crypto.randomUUID()}`;
      await channel.declareQueue(queue, { exclusive: true });
      await channel.confirmSelect();
      const blocked = new Promise<string>((resolve) => connection.on("blocked", resolve));
      const unblocked = new Promise<void>((resolve) => connection.on("unblocked", resolve));
      await rabbit.ctl("set_vm_memory_high_watermark", "0.000001");
      // The server tells those that publish.
      const confirm = channel.publish(message(queue, Buffer.from("b")));
      expect(await blocked).toMatch(/memory/);
      expect(connection.blocked).toMatch(/memory/);
      await rabbit.ctl("set_vm_memory_high_watermark", "0.6");
      await unblocked;
      expect(connection.blocked).toBeUndefined();
      expect((await confirm).kind).toBe("acked");
    });

    const tls = (): Record<string, unknown> => ({ ca: readFileSync(files.ca) });

    test("speaks TLS to a server that it trusts", async () => {
      const connection = await connectTo({ port: rabbit.tlsPort, tls: tls() });
      const channel = await connection.openChannel();
      const queue = `q-${crypto.randomUUID()}`;
      await channel.declareQueue(queue, { exclusive: true });
      await channel.confirmSelect();
      const body = Buffer.alloc(3_000_000, "abc");
      await channel.publish(message(queue, body));
      expect(body.equals((await channel.get(queue, true))!.body)).toBe(true);
    });

    test("refuses a server that it does not trust, and does not mistake one kind of port for the other", async () => {
      expect((await refusal({ port: rabbit.tlsPort, tls: {} })).message).toMatch(/self-signed|unable to (get|verify)/);
      expect((await refusal({ port: rabbit.port, tls: tls() })).message).toMatch(/the connection to .* failed:|ended/);
      expect(await refusal({ port: rabbit.tlsPort })).toBeInstanceOf(ConnectionError);
    });

    test("ends when its server does: asked to, killed, or started again", async () => {
      const asked = await connectTo();
      const forced = ended(asked);
      await rabbit.ctl("close_all_connections", "maintenance");
      expect(await forced).toMatchObject({ name: "ConnectionError", code: 320 });
      expect((await forced).message).toMatch(/CONNECTION_FORCED - maintenance/);
      const killed = await connectTo();
      const channel = await killed.openChannel();
      const lost = ended(killed);
      await rabbit.kill();
      expect(await lost).toMatchObject({ name: "ConnectionError", code: 0 });
      await expect(channel.declareQueue("q", {})).rejects.toBe(await lost);
      await rabbit.restart();
      expect((await connectTo()).closed).toBe(false);
    }, 120_000);
  });
});
