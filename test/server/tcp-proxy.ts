/**
 * A bad network: a TCP proxy on 127.0.0.1 in front of a server, whose connections can be cut, held, swallowed in one direction or
 * both, and slowed. Each client of a test has one of its own, so that only its own line is bad.
 */

import { connect, createServer, type Server, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** How many connections go through it now. */
  readonly connections: number;
  /** Ends every connection; new ones are let through unless refused. */
  cut(): void;
  /** Ends new connections as soon as they come. */
  refuse(on: boolean): void;
  /** Swallows both directions; connections stay, and nobody is told. */
  blackHole(on: boolean): void;
  /** Swallows what the server says; what the client says arrives. */
  halfOpen(on: boolean): void;
  /** Delays each piece in each direction, ms. */
  latency(ms: number): void;
  /**
   * Lets the next piece that contains `text` through, swallows every answer from then on, and cuts that connection once the server
   * must have worked. Resolves when that has happened.
   */
  loseReplyTo(text: string): Promise<void>;
  /** Lets the server's next piece that contains `text` through, swallows what the client says from then on, and cuts that connection. */
  loseRequestsAfter(text: string): Promise<void>;
  close(): Promise<void>;
}

interface Line {
  readonly client: Socket;
  readonly server: Socket;
  /** End of what the client sent, for texts that fall on a border. */
  tail: string;
  swallowing: boolean;
  /** What the client says is lost. */
  mute: boolean;
}

/** From sending a command to its effect on a loaded machine. */
const workTime = 60;

export async function startProxy(target: number): Promise<TcpProxy> {
  const lines = new Set<Line>();
  let refusing = false;
  let holed = false;
  let half = false;
  let delay = 0;
  let trap: { readonly text: string; readonly sprung: () => void } | undefined;
  let backTrap: typeof trap;

  const forward = (to: Socket, chunk: Buffer): void => {
    const write = (): void => {
      if (!to.destroyed) to.write(chunk);
    };
    if (delay === 0) write();
    else setTimeout(write, delay);
  };
  const end = (line: Line): void => {
    lines.delete(line);
    line.client.destroy();
    line.server.destroy();
  };
  const spring = (line: Line, sprung: () => void): void => {
    line.swallowing = true;
    setTimeout(() => {
      line.client.destroy();
      // Politely, so that the server reads all that was sent before it sees the end.
      line.server.end();
      sprung();
    }, workTime);
  };

  const accept = (client: Socket): void => {
    client.on("error", () => undefined);
    if (refusing) {
      client.destroy();
      return;
    }
    const server = connect(target, "127.0.0.1");
    server.on("error", () => undefined);
    client.setNoDelay(true);
    server.setNoDelay(true);
    const line: Line = { client, server, tail: "", swallowing: false, mute: false };
    lines.add(line);
    client.on("data", (chunk: Buffer) => {
      if (holed || line.mute) return;
      forward(server, chunk);
      if (trap === undefined) return;
      const text = line.tail + chunk.toString("latin1");
      line.tail = text.slice(-trap.text.length);
      if (!text.includes(trap.text)) return;
      const { sprung } = trap;
      trap = undefined;
      spring(line, sprung);
    });
    server.on("data", (chunk: Buffer) => {
      if (holed || half || line.swallowing) return;
      forward(client, chunk);
      if (backTrap === undefined || !chunk.includes(backTrap.text)) return;
      const { sprung } = backTrap;
      backTrap = undefined;
      line.mute = true;
      setTimeout(() => {
        end(line);
        sprung();
      }, workTime);
    });
    client.on("close", () => end(line));
    server.on("close", () => {
      if (!line.swallowing) end(line);
    });
  };

  const listener: Server = createServer(accept);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const cut = (): void => {
    for (const line of lines) end(line);
  };
  return {
    port,
    get connections() {
      return lines.size;
    },
    cut,
    refuse: (on) => void (refusing = on),
    blackHole: (on) => void (holed = on),
    halfOpen: (on) => void (half = on),
    latency: (ms) => void (delay = ms),
    loseReplyTo: (text) =>
      new Promise((resolve) => {
        trap = { text, sprung: resolve };
      }),
    loseRequestsAfter: (text) =>
      new Promise((resolve) => {
        backTrap = { text, sprung: resolve };
      }),
    close: () => {
      cut();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}
