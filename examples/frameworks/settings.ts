/** Where a server keeps its things, from its environment, and who may see the dashboard. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Viewer } from "celeriac/dashboard";

export const port = Number(process.env["PORT"] ?? 0);
/** The file of `background.durable`: one for each server, or one for several on a machine. */
export const durable = process.env["BACKGROUND"] ?? "sqlite:background.db";
/** What the dashboard remembers. */
export const history = process.env["HISTORY"] ?? ".celeriac/dashboard.db";

/** Whoever has the token of operations. Yours asks the session that your server has already. */
export function viewerOf(authorization: string | null | undefined): Viewer | undefined {
  const token = process.env["OPS_TOKEN"];
  if (!token || !authorization) return undefined;
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(authorization), digest(`Bearer ${token}`))
    ? { name: "ops", role: "operate" }
    : undefined;
}

/** Tells whoever started this process where it listens. */
export function announce(url: string): void {
  process.stdout.write(`${url}\n`);
}
