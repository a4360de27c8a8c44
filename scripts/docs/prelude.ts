/** What the examples of docstrings presuppose, so that each shows one thing: declared for all of them; an example may declare its own over it. */

/** Said at the head of each page of the reference. */
export const presupposed: string =
  "Where an example does not make them itself, `app` is `createApp()`, `resize`, `publish`, `announce`, `notify`, `sendReceipt` and `importRows` " +
  "are tasks of it, `sent` is the handle of a call of `resize`, `worker`, `beat` and `outbox` are what `app.work()`, `app.beat()` and " +
  "`createOutbox()` give, `server` is Fastify's, and `test` is `testApp(app)`.";

export const prelude: Readonly<Record<string, string>> = {
  "prelude.ts": `import type { App, AsyncResult, BeatHandle, Task, WorkerHandle } from "celeriac";
import type { Outbox } from "celeriac/outbox";
import type { TestApp } from "celeriac/testing";
import type { FastifyInstance } from "fastify";

declare global {
  const app: App;
  const resize: Task<{ file: string; width: number }, { file: string; bytes: number }>;
  const publish: Task<{ file: string }, { text: string }>;
  const announce: Task<{ text: string; channel: string }, null>;
  const notify: Task<{ file: string; channel: string }, null>;
  const sendReceipt: Task<{ order: number }, { messageId: string }>;
  const importRows: Task<{ url: string }, number>;
  const sent: AsyncResult<{ file: string; bytes: number }>;
  const worker: WorkerHandle;
  const beat: BeatHandle;
  const outbox: Outbox;
  const server: FastifyInstance;
  const test: TestApp;
}
`,
  "tasks.ts": "export {};\n",
  "app.module.ts": "export class AppModule {}\n",
};
