/** Two mails: one that is nice to have, and one that somebody would call about. */

import { backoff, type TaskContext } from "celeriac";
import { createTransport } from "nodemailer";
import { app } from "./app.ts";

const from = "Shop <shop@example.com>";
const transport = createTransport({
  host: "127.0.0.1",
  port: Number(process.env["SMTP_PORT"] ?? 25),
  secure: false,
  // On loopback; a provider's server has a certificate.
  ignoreTLS: true,
});

/** A plain function, for `background.add`: after the response, once, and gone if the process dies first. */
export async function sendWelcome(to: string, name: string): Promise<void> {
  await transport.sendMail({ from, to, subject: "Welcome", text: `Hello ${name}, good to have you here.` });
}

export interface Receipt {
  readonly to: string;
  readonly order: number;
  readonly cents: number;
}

/** A task, for `background.durable`: it survives the process, and a mail server that says "later" is asked later. */
export const sendReceipt = app.task(
  "mail.receipt",
  { timeLimit: "1m", retry: { limit: 8, delay: backoff("200ms", "5m") } },
  async ({ to, order, cents }: Receipt, ctx: TaskContext): Promise<{ readonly messageId: string }> => {
    // The same in every run: a mail that is sent twice, because the process died between the server's yes and our note of it, is seen to be one.
    const messageId = `<receipt-${ctx.idempotencyKey}@example.com>`;
    const text = `Order ${String(order)}: ${(cents / 100).toFixed(2)} EUR. Thank you.`;
    await transport.sendMail({ from, to, subject: `Receipt ${String(order)}`, text, messageId });
    return { messageId };
  },
);
