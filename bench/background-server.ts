/** The server of `background.ts`: the same answer without background work, and with some. */

import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { createApp } from "../src/index.ts";
import { tasks } from "../src/web/fastify.ts";

const app = createApp({ name: "bench", broker: "memory:bench" });
const server = Fastify();
await server.register(tasks, { app });
/** As light as what belongs there: it waits for something, and then writes it down. */
let noted = 0;
const note = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
  noted++;
};
server.get("/without", async () => ({ ok: true }));
server.get("/with", async ({ background }) => {
  for (let at = 0; at < 5; at++) background.add(note);
  return { ok: true };
});
server.get("/noted", async () => ({ noted }));
await server.listen({ host: "127.0.0.1", port: 0 });
process.send?.((server.server.address() as AddressInfo).port);
process.once("disconnect", () => process.exit());
