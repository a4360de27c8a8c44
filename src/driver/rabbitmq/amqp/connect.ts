/** Opens a connection: socket or TLS, handshake, one deadline for both. Never tries twice. Names no user or password in any error. */

import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { ConnectionError, type AmqpConnection, type Connect, type ConnectOptions } from "./client.ts";
import { Handshake } from "./handshake.ts";
import { Transport } from "./transport.ts";

export const connect: Connect = (options, signal) =>
  new Promise<AmqpConnection>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const { clock, timeout, tls } = options;
    const socket = dial(options);
    const settled = (): void => {
      limit[Symbol.dispose]();
      signal.removeEventListener("abort", abort);
    };
    const failed = (error: Error): void => {
      settled();
      reject(error);
    };
    const peer = `${options.host}:${options.port}`;
    const transport = new Transport(socket, peer, clock, { frame: () => undefined, ended: failed });
    const abort = (): void => transport.end(signal.reason as Error);
    const limit = clock.after(timeout, () =>
      transport.end(new ConnectionError(0, `${peer} didn't finish the handshake within ${timeout} ms`)),
    );
    signal.addEventListener("abort", abort, { once: true });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      if (transport.ended !== undefined) return;
      const done = (connection: AmqpConnection): void => {
        settled();
        resolve(connection);
      };
      new Handshake(transport, options, { done, failed }).begin();
    });
  });

function dial({ host, port, tls }: ConnectOptions): Socket {
  if (tls === undefined) return connectPlain({ host, port, noDelay: true });
  const named = isIP(host) === 0 ? { servername: host } : {};
  return connectSecure({ ...named, ...tls, host, port }).setNoDelay(true);
}
