/** The web API: upload a picture, order thumbnails, ask how they are. Orders are tasks; the mail about an upload is a background task. */

import { createReadStream } from "node:fs";
import { access, readFile } from "node:fs/promises";
import multipart from "@fastify/multipart";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { App } from "celeriac";
import { tasks } from "celeriac/fastify";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { sendUploadMail } from "./mail.ts";
import { isSafeName, makeFolders, originalPath, thumbnailPath } from "./media-folder.ts";
import { thumbnail } from "./tasks.ts";
import { keepUpload } from "./upload.ts";
import { crops, formats, type Variation } from "./variation.ts";

export interface ApiOptions {
  readonly app: App;
  readonly folder: string;
  readonly queue: string;
}

const mebibyte = 1024 * 1024;

export async function makeApi({ app, folder, queue }: ApiOptions): Promise<FastifyInstance> {
  await makeFolders(folder);
  const server = Fastify({
    logger: { level: "warn", stream: process.stderr },
    bodyLimit: mebibyte,
    routerOptions: { maxParamLength: 200 },
    // Browsers open connections in advance and never use them; a polite close would wait a minute for those.
    forceCloseConnections: true,
  });
  await server.register(swagger, {
    openapi: { info: { title: "Media", description: "Thumbnails made by Celeriac workers", version: "1.0.0" } },
  });
  await server.register(swaggerUi, { routePrefix: "/docs" });
  await server.register(multipart, { limits: { files: 1, fields: 0, parts: 1, fileSize: 30 * mebibyte } });
  await server.register(tasks, { app, at: "/tasks" });

  server.post("/images", { schema: uploadSchema, validatorCompiler: () => () => true }, async (request, reply) => {
    const part = await request.file();
    if (part === undefined)
      return reply.code(400).send({ error: "NO_FILE", message: "send one file as multipart/form-data" });
    const upload = await keepUpload(folder, part.filename, await part.toBuffer());
    request.background.add(sendUploadMail, folder, upload.image, upload.bytes);
    return reply.code(201).header("location", `/images/${upload.image}`).send(upload);
  });

  server.post<Order>("/images/:image/thumbnails", { schema: orderSchema }, async (request, reply) => {
    const { image } = request.params;
    if (!(await exists(folder, image))) return reply.code(404).send(noSuch(image));
    const { variations } = request.body;
    const jobs = variations.map((variation) => ({ folder, image, ...variation }));
    // One round trip to the broker, however many there are.
    const sent = await thumbnail.enqueueMany(jobs, { queue });
    return reply
      .code(202)
      .send({ tasks: sent.map(({ id }, n) => ({ id, location: `/tasks/${id}`, ...variations[n] })) });
  });

  server.get<{ Params: { image: string } }>(
    "/images/:image",
    { schema: { summary: "An original", tags: ["images"] } },
    async (request, reply) => {
      const { image } = request.params;
      if (!(await exists(folder, image))) return reply.code(404).send(noSuch(image));
      return sendPicture(reply, image, originalPath(folder, image));
    },
  );

  server.get<{ Params: { file: string } }>(
    "/thumbnails/:file",
    { schema: { summary: "A thumbnail", tags: ["images"] } },
    async (request, reply) => {
      const { file } = request.params;
      if (!isSafeName(file)) return reply.code(404).send(noSuch(file));
      const path = thumbnailPath(folder, file);
      if (
        !(await access(path).then(
          () => true,
          () => false,
        ))
      )
        return reply.code(404).send(noSuch(file));
      return sendPicture(reply, file, path);
    },
  );

  await servePage(server);
  return server;
}

interface Order {
  Params: { image: string };
  Body: { variations: Variation[] };
}

const picture = { type: "object", required: ["image"], properties: { image: { type: "string" } } } as const;

const problem = {
  description: "Refused",
  type: "object",
  properties: { error: { type: "string" }, message: { type: "string" } },
} as const;

const uploadSchema = {
  summary: "Upload a picture",
  description: "JPEG, PNG, WebP or AVIF, at most 30 MiB. A mail about it is written after the response.",
  tags: ["images"],
  consumes: ["multipart/form-data"],
  body: { type: "object", properties: { file: { type: "string", format: "binary" } } },
  response: {
    400: problem,
    415: problem,
    201: {
      description: "Kept",
      type: "object",
      properties: {
        image: { type: "string" },
        bytes: { type: "integer" },
        width: { type: "integer" },
        height: { type: "integer" },
      },
    },
  },
} as const;

const variation = {
  width: { type: "integer", minimum: 16, maximum: 4096 },
  crop: { type: "string", enum: crops },
  format: { type: "string", enum: formats },
} as const;

const orderSchema = {
  summary: "Order thumbnails",
  tags: ["images"],
  params: picture,
  body: {
    type: "object",
    required: ["variations"],
    properties: {
      variations: {
        type: "array",
        minItems: 1,
        maxItems: 100,
        items: {
          type: "object",
          required: ["width", "crop", "format"],
          additionalProperties: false,
          properties: variation,
        },
      },
    },
  },
  response: {
    404: problem,
    202: {
      description: "Accepted; each can be asked for at its location",
      type: "object",
      properties: {
        tasks: {
          type: "array",
          items: { type: "object", properties: { id: { type: "string" }, location: { type: "string" }, ...variation } },
        },
      },
    },
  },
} as const;

function noSuch(name: string): { readonly error: string; readonly message: string } {
  return { error: "NOT_FOUND", message: `there is no ${name}` };
}

async function exists(folder: string, image: string): Promise<boolean> {
  return (
    isSafeName(image) &&
    (await access(originalPath(folder, image)).then(
      () => true,
      () => false,
    ))
  );
}

function sendPicture(reply: FastifyReply, name: string, path: string): FastifyReply {
  const format = name.slice(name.lastIndexOf(".") + 1).replace("jpg", "jpeg");
  return reply
    .header("content-type", `image/${format}`)
    .header("x-content-type-options", "nosniff")
    .send(createReadStream(path));
}

/** Our own files and nothing from elsewhere, which the policy makes the browser enforce. */
async function servePage(server: FastifyInstance): Promise<void> {
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
  const files = [
    { path: "/", name: "index.html", type: "text/html; charset=utf-8" },
    { path: "/icon.svg", name: "icon.svg", type: "image/svg+xml" },
    { path: "/page.css", name: "page.css", type: "text/css; charset=utf-8" },
    { path: "/page.js", name: "page.js", type: "text/javascript; charset=utf-8" },
  ];
  for (const { path, name, type } of files) {
    const content = await readFile(new URL(`page/${name}`, import.meta.url));
    server.get(path, { schema: { hide: true } }, (_request, reply) =>
      reply
        .headers({ "content-type": type, "content-security-policy": policy, "referrer-policy": "no-referrer" })
        .send(content),
    );
  }
}
