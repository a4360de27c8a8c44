/** The web API, a process of its own: `SMTP_PORT=2525 node server.ts`. Both kinds of mail begin in it, and no request waits for a mail server. */

import { tasks } from "celeriac/fastify";
import Fastify from "fastify";
import { app } from "./app.ts";
import { sendReceipt, sendWelcome } from "./mails.ts";

const server = Fastify({ logger: { level: "error", stream: process.stderr }, forceCloseConnections: true });
await server.register(tasks, { app, durable: process.env["BACKGROUND"] ?? "sqlite:background.db" });

const address = { type: "string", minLength: 3, maxLength: 254, pattern: "^[^\\s@]+@[^\\s@]+$" } as const;

server.post<{ Body: { email: string; name: string } }>(
  "/signups",
  {
    schema: {
      body: {
        type: "object",
        required: ["email", "name"],
        properties: { email: address, name: { type: "string", minLength: 1, maxLength: 100 } },
      },
    },
  },
  async (request, reply) => {
    const { email, name } = request.body;
    // Nobody would miss it: a function after the response.
    request.background.add(sendWelcome, email, name);
    return reply.code(201).send({ email });
  },
);

server.post<{ Body: { email: string; order: number; cents: number } }>(
  "/orders",
  {
    schema: {
      body: {
        type: "object",
        required: ["email", "order", "cents"],
        properties: { email: address, order: { type: "integer" }, cents: { type: "integer", minimum: 0 } },
      },
    },
  },
  async (request, reply) => {
    const { email: to, order, cents } = request.body;
    // It was promised: in a file before the answer says so, and sent by this process or the next.
    const sent = await request.background.durable(sendReceipt, { to, order, cents });
    return reply
      .code(202)
      .header("location", `/tasks/${sent.id}`)
      .send({ order, receipt: `/tasks/${sent.id}` });
  },
);

server.addHook("onClose", () => app.close());
process.once("SIGTERM", () => void server.close());
process.stdout.write(`${await server.listen({ host: "127.0.0.1", port: Number(process.env["PORT"] ?? 0) })}\n`);
