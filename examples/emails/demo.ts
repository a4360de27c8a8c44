/** `npm run example emails`: an API that answers before it mails, killed between its answers and their mails; the mail server says what came. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { ServerProcess } from "../harness/server-process.ts";
import { MailServer } from "./mail-server.ts";

interface Outcome extends Summary {
  readonly welcomes: number;
  /** Welcome mails that went with the killed process. */
  readonly welcomesLost: number;
  readonly receipts: number;
  readonly receiptsLost: number;
  /** Receipts that came more than once, under one Message-ID. */
  readonly receiptsTwice: number;
  /** Times that the mail server said "later". */
  readonly deferred: number;
  readonly seconds: number;
}

const api = new URL("server.ts", import.meta.url);
const [signups, orders, doomed] = [20, 20, 5];

async function run({ folder, signal, say }: Stage<Outcome>): Promise<Outcome> {
  await mkdir(join(folder, "mails"));
  await using stack = new AsyncDisposableStack();
  const mails = stack.use(await MailServer.open(join(folder, "mails")));
  const env = { SMTP_PORT: String(mails.port), BACKGROUND: `sqlite:${join(folder, "background.db")}` };
  const first = stack.use(await ServerProcess.start(api, env));
  const problems: string[] = [];
  const began = performance.now();
  const counted = (subject: string): number => mails.mails.filter((mail) => mail.subject.startsWith(subject)).length;
  const until = async (done: () => boolean, patience: number): Promise<boolean> => {
    for (const late = performance.now() + patience; !done() && performance.now() < late;)
      await sleep(10, undefined, { signal });
    return done();
  };

  // A mail server that does not answer costs no request anything.
  mails.hold();
  const answers = await Promise.all(
    range(signups).map((n) => post(first, "/signups", { email: `new-${n}@example.com`, name: `Number ${n}` }, signal)),
  );
  if (answers.some((status) => status !== 201)) problems.push(`signups were answered ${answers.join()}`);
  say(`${signups} signups answered, ${counted("Welcome")} mails sent: the mail server does not answer yet`);
  mails.release();
  if (!(await until(() => counted("Welcome") === signups, 90_000))) problems.push("welcome mails are missing");
  say(`it answers: ${counted("Welcome")} welcome mails`);

  // Now the process dies between its answers and their mails.
  mails.hold();
  await Promise.all([
    ...range(doomed).map((n) => post(first, "/signups", { email: `lost-${n}@example.com`, name: `Lost ${n}` }, signal)),
    ...range(orders).map((n) =>
      post(first, "/orders", { email: `buyer-${n}@example.com`, order: n, cents: 100 * n }, signal),
    ),
  ]);
  await first.kill();
  say(`${doomed} signups and ${orders} orders answered, then SIGKILL to the API; starting it again`);
  stack.use(await ServerProcess.start(api, env));
  mails.release();
  const ids = (): Set<string> =>
    new Set(mails.mails.filter(({ subject }) => subject.startsWith("Receipt")).map(({ messageId }) => messageId));
  if (!(await until(() => ids().size === orders, 120_000))) problems.push(`${orders - ids().size} receipts are lost`);
  const buyers = new Set(mails.mails.map(({ to }) => to).filter((to) => to.startsWith("buyer-")));
  if (buyers.size !== orders) problems.push(`${buyers.size} buyers got a receipt`);
  if (mails.deferred < orders) problems.push("the mail server never said later");
  say(`${ids().size} receipts`);
  return {
    ok: problems.length === 0,
    welcomes: counted("Welcome"),
    welcomesLost: signups + doomed - counted("Welcome"),
    receipts: ids().size,
    receiptsLost: orders - ids().size,
    receiptsTwice: counted("Receipt") - ids().size,
    deferred: mails.deferred,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    problems,
  };
}

async function post({ base }: ServerProcess, path: string, body: object, signal: AbortSignal): Promise<number> {
  const reply = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  await reply.body?.cancel();
  return reply.status;
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n + 1);
}

await runDemo<Outcome>({
  name: "emails",
  about: "Mails after the response: those that may be lost with the process, and those that may not.",
  run,
  print: ({ welcomes, welcomesLost, receipts, receiptsLost, receiptsTwice, deferred, seconds }, say) => {
    say();
    say(`background.add       ${welcomes} welcome mails, ${welcomesLost} lost with the killed process`);
    say(`background.durable   ${receipts} receipts, ${receiptsLost} lost; ${receiptsTwice} came twice`);
    say(`"come again later"   ${deferred} times, and they did`);
    say(`seconds              ${seconds}`);
  },
});
