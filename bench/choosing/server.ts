/** The API of `choosing.ts`: answers at once, and announces work in one of three ways, or none. */

import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { tasks } from "../../src/web/fastify.ts";
import { app, task, work } from "./app.ts";

const server = Fastify();
await server.register(tasks, { app, durable: process.env["CHOOSING_FILE"] ?? "" });
server.get("/none", async () => ({ ok: true }));
server.get<{ Params: { way: string; id: string; wait: string; ms: string } }>(
  "/:way/:id/:wait/:ms",
  async ({ params, background }) => {
    const input = { id: Number(params.id), wait: Number(params.wait), ms: Number(params.ms) };
    if (params.way === "add") background.add(work, input);
    else if (params.way === "durable") await background.durable(task, input);
    else await task.delay(input);
    return { ok: true };
  },
);
await server.listen({ host: "127.0.0.1", port: 0 });
process.send?.((server.server.address() as AddressInfo).port);
process.once("disconnect", () => process.exit());
