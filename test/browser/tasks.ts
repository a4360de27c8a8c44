/** Tasks that behave as tasks do: some are fast, some slow, some fail now and then, one kills its process. */

import { cron, every, type TaskContext } from "../../src/index.ts";
import { app } from "./app.ts";

export interface Image {
  readonly file: string;
  readonly width: number;
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });

export const resize = app.task("shop.images.resize", { queue: "images" }, async ({ file, width }: Image) => {
  await pause(20 + Math.random() * 130);
  if (Math.random() < 0.03)
    throw new TypeError(`cannot decode ${file}`, { cause: new Error("unexpected end of JPEG data at byte 40960") });
  return { file: `${file}@${String(width)}`, bytes: width * 3 };
});

export const publish = app.task(
  "shop.images.publish_gallery",
  { queue: "images" },
  async (images: readonly { readonly file: string }[]) => {
    await pause(120);
    return { gallery: "https://shop.example/gallery/7", count: images.length };
  },
);

export const announce = app.task(
  "shop.mail.announce",
  { queue: "mail" },
  async (news: { readonly gallery: string; readonly count: number }) => {
    await pause(60);
    return `${String(news.count)} pictures at ${news.gallery}`;
  },
);

export const send = app.task(
  "shop.mail.send",
  { queue: "mail", retry: { limit: 4, delay: "2s" } },
  async ({ to }: { readonly to: string; readonly subject: string }, ctx: TaskContext) => {
    ctx.log.info("connecting", { host: "smtp.shop.example" });
    await pause(40 + Math.random() * 60);
    if (Math.random() < 0.12) throw Object.assign(new Error("connect ETIMEDOUT 10.1.0.7:587"), { name: "SmtpTimeout" });
    return { to, accepted: true };
  },
);

export const charge = app.task(
  "shop.billing.charge",
  { queue: "billing" },
  async ({ order, cents }: { readonly order: number; readonly cents: number }) => {
    await pause(30);
    if (order % 9 === 0) return chargeCard(order);
    return { order, cents, paid: true };
  },
);

function chargeCard(order: number): never {
  try {
    askBank(order);
  } catch (error) {
    throw new RangeError(`order ${String(order)} cannot be charged`, { cause: error });
  }
}

function askBank(order: number): never {
  throw new Error(`bank answered 402 for card of order ${String(order)}: insufficient funds`);
}

export const report = app.task(
  "shop.reports.build",
  { queue: "reports", timeLimit: "5m" },
  async ({ month, pages }: { readonly month: string; readonly pages: number }, ctx) => {
    await ctx.checkpoint("read orders", () => pause(400));
    for (let page = 1; page <= pages; page++) {
      ctx.progress(page, pages, `page ${String(page)} of ${month}`);
      ctx.log.info("rendered", { page, rows: 40 });
      if (page === 3) ctx.log.warn("a picture is missing on this page", { page });
      await pause(700, ctx.signal);
      if (page % 10 === 0) await ctx.checkpoint(`page ${String(page)}`, () => page);
    }
    return { month, pages };
  },
);

export const poll = app.task(
  "shop.feeds.poll",
  { queue: "feeds", rate: "30/m" },
  async ({ feed }: { readonly feed: string }) => ({ feed, items: 12 }),
);

export const archive = app.task(
  "shop.exports.archive",
  { queue: "exports" },
  async ({ year }: { readonly year: number }) => year,
);

export const native = app.task(
  "shop.images.native_filter",
  { queue: "images", crashes: 2 },
  async (_image: Image): Promise<void> => {
    process.stderr.write("libfilter: assertion failed: stride >= width * 4\n");
    process.abort();
  },
);

/** What a bench sends, some hundred a second: over in a moment, and one in fifty fails. */
export const reserve = app.task("shop.stock.reserve", { queue: "stock" }, ({ item }: { readonly item: number }) => {
  if (item % 50 === 0) throw new RangeError(`item ${String(item)} is sold out`);
  return item;
});

/** Turns every message away: a dead letter with no process that died. */
export const foreign = app.task("shop.orders.foreign", { queue: "mail" }, async ({ order }: { order: number }, ctx) => {
  ctx.log.warn("an order of another shop", { order });
  ctx.reject();
});

/** Gives back, logs and throws whatever it gets: for texts that would be markup or script, were they taken for it. */
export const echo = app.task(
  "shop.echo",
  { queue: "mail" },
  async (
    { text, fail, bury = false }: { readonly text: string; readonly fail: boolean; readonly bury?: boolean },
    ctx,
  ) => {
    ctx.log.warn(text, { [text]: text });
    ctx.progress(1, 2, text);
    if (bury) ctx.reject({ reason: text });
    if (fail) throw new Error(text, { cause: new TypeError(text) });
    return { [text]: text };
  },
);

app.schedule("nightly totals", cron("0 3 * * *", { timezone: "Europe/Berlin" }), report.si({ month: "all", pages: 2 }));
app.schedule("poll the feeds", every("20s"), poll.si({ feed: "https://news.example/rss" }));
app.schedule("remind of carts", every("45m"), send.si({ to: "carts@shop.example", subject: "You left something" }));
app.schedule("weekly archive", cron("30 5 * * 1", { timezone: "Europe/Berlin" }), archive.si({ year: 2026 }));
