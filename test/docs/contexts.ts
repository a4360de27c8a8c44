/**
 * What stands unseen before a block of documentation. A page's block that begins with `// app.ts` is that file, and the others
 * of its page can import it; ```` ```ts context=shop ```` puts the text named `shop` in front of a block. Files are there for every page.
 */

/** Files of the reader's own that examples import. */
export const files: Readonly<Record<string, string>> = {
  "app.module.ts": "export class AppModule {}\n",
  // Next is not installed here.
  "next.d.ts": 'declare module "next/server" { export function after(work: () => unknown): void }\n',
  "mail.ts": "export async function sendMail(text: string): Promise<void> { void text; }\n",
  "image.ts":
    "export async function thumbnail(file: string, width: number): Promise<Uint8Array> { return new Uint8Array(file.length + width); }\n",
};

const app = `import { createApp } from "celeriac";
const app = createApp({ name: "shop", broker: "memory:" });
`;
const tasks = `${app}const resize = app.task("image.resize", async (image: { file: string; width: number }) => ({
  file: image.file,
  bytes: image.width * 3,
}));
const sendReceipt = app.task("receipt.send", async (input: { order: number }) => ({ messageId: String(input.order) }));
const importRows = app.task("rows.import", async (job: { url: string }) => job.url.length);
`;
const server = `import Fastify, { type FastifyReply } from "fastify";
import { tasks } from "celeriac/fastify";
const server = Fastify();
`;

export const contexts: Readonly<Record<string, string>> = {
  /** `app` alone. */
  app,
  /** `app`, `resize`, `sendReceipt`, `importRows`. */
  tasks,
  /** The same, and `sent`, the handle of a call. */
  sent: `${tasks}const sent = await resize.delay({ file: "cat.jpg", width: 800 });\n`,
  /** Inside a route's handler. */
  reply: `${tasks}${server}declare const reply: FastifyReply;\n`,
  /** A server with the plugin's name, and what choosing.md speaks of. */
  server: `import type { Task } from "celeriac";
${app}${server}
declare module "fastify" { interface FastifyRequest { user: string } }
declare const id: string;
declare const image: string;
declare const order: number;
declare const mayRead: (user: string, id: string) => Promise<boolean>;
declare const request: import("fastify").FastifyRequest;
const thumbnail = app.task("image.thumbnail", async (input: { image: string; width: number }) => input.width);
declare const sendReceipt: ((order: number) => Promise<void>) & Task<{ order: number }, null>;
declare const sendUploadMail: (image: string) => Promise<void>;
`,
};
