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
  /** Swallows what the client says; what the server says arrives. */
  deaf(on: boolean): void;
  /** Delays each piece in each direction, ms, and by up to `jitter` ms more. Pieces keep their order, also when it changes. Default of `jitter`: 0. */
  latency(ms: number, jitter?: number): void;
  /** Bytes a second in each direction; `Infinity` again: as fast as it goes. */
  slow(rate: number): void;
  /** Lets so many more bytes of each connection's client through, then resets that connection, in the middle of whatever it says. */
  truncate(bytes: number): void;
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
  /** Bytes of the client that are still let through. */
  allowance: number;
}

/** One way of a line, with the pieces that are still on it, each with the moment at which it arrives. */
interface Way {
  readonly to: Socket;
  readonly pieces: { readonly due: number; readonly chunk: Buffer }[];
}

/** From sending a command to its effect on a loaded machine. */
const workTime = 60;

export async function startProxy(target: number): Promise<TcpProxy> {
  const lines = new Set<Line>();
  let refusing = false;
  let holed = false;
  let half = false;
  let deaf = false;
  let delay = 0;
  let uneven = 0;
  let rate = Infinity;
  let trap: { readonly text: string; readonly sprung: () => void } | undefined;
  let backTrap: typeof trap;

  const arrive = (way: Way): void => {
    for (let first = way.pieces[0]; first; first = way.pieces[0]) {
      const wait = first.due - performance.now();
      if (wait > 0) {
        setTimeout(() => arrive(way), wait);
        return;
      }
      way.pieces.shift();
      if (!way.to.destroyed) way.to.write(first.chunk);
    }
  };
  const forward = (way: Way, chunk: Buffer): void => {
    const last = way.pieces.at(-1)?.due ?? 0;
    // A piece never overtakes the one before it: TCP has no such fault.
    const due = Math.max(performance.now() + delay + Math.random() * uneven, last) + (chunk.length / rate) * 1000;
    if (way.pieces.push({ due, chunk }) === 1) arrive(way);
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
    const line: Line = { client, server, tail: "", swallowing: false, mute: false, allowance: Infinity };
    const up: Way = { to: server, pieces: [] };
    const down: Way = { to: client, pieces: [] };
    lines.add(line);
    client.on("data", (chunk: Buffer) => {
      if (holed || deaf || line.mute) return;
      if (chunk.length > line.allowance) {
        server.write(chunk.subarray(0, line.allowance), () => {
          server.resetAndDestroy();
          client.resetAndDestroy();
        });
        line.mute = true;
        return;
      }
      line.allowance -= chunk.length;
      forward(up, chunk);
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
      forward(down, chunk);
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
    deaf: (on) => void (deaf = on),
    latency: (ms, jitter = 0) => {
      delay = ms;
      uneven = jitter;
    },
    slow: (bytes) => void (rate = bytes),
    truncate: (bytes) => {
      for (const line of lines) line.allowance = bytes;
    },
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
