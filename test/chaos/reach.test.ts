/** The probe itself: on a server that answers when it is told to, and a clock that does what it is told. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { Reach } from "./reach.ts";

async function probed(test: (parts: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<void> {
  const parts = await open();
  try {
    await test(parts);
  } finally {
    parts.reach[Symbol.dispose]();
    for (const socket of parts.sockets) socket.destroy();
    parts.server.close();
    await once(parts.server, "close");
  }
}

async function open() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => server.emit("question", socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { readonly port: number };
  const state = { now: 10_000 };
  const told: [number, number][] = [];
  const reach = new Reach({
    server: new URL(`redis://127.0.0.1:${String(address.port)}`),
    now: () => state.now,
    away: (t, until) => {
      told.push([t, until]);
      server.emit("told");
    },
  });
  const question = async (): Promise<Socket> => ((await once(server, "question")) as [Socket])[0];
  return { server, sockets, state, told, reach, question };
}

it("tells of a silence from the last question that was answered until the next answer", () =>
  probed(async ({ server, state, told, question }) => {
    (await question()).write("+PONG\r\n");
    const unanswered = await question();
    expect(told).toEqual([]);
    state.now = 10_900;
    const said = once(server, "told");
    unanswered.write("-LOADING\r\n");
    await said;
    expect(told).toEqual([[10_000, 10_900]]);
  }));

it("asks on a new connection when nothing comes back, and counts all of that time", () =>
  probed(async ({ server, state, told, question, sockets }) => {
    (await question()).write("+PONG\r\n");
    state.now = 10_300;
    await question();
    state.now = 12_000;
    const again = await question();
    expect(sockets).toHaveLength(2);
    state.now = 12_100;
    const said = once(server, "told");
    again.write("+PONG\r\n");
    await said;
    expect(told).toEqual([[10_000, 12_100]]);
  }));

it("comes back to a server that hung up", () =>
  probed(async ({ question, sockets }) => {
    (await question()).destroy();
    await question();
    expect(sockets).toHaveLength(2);
  }));
