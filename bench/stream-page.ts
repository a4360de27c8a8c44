/** The measured process of `stream.ts` and `history.ts`: a dashboard as `celeriac dashboard` serves it, which forgets nothing of what it is given. */

import { createApp } from "../src/app/app.ts";
import { serveDashboard } from "../src/dashboard/index.ts";

const [broker = "", history = ""] = process.argv.slice(2);
const app = createApp({ name: "bench", broker });
const { url } = await serveDashboard(app, { port: 0, history: { path: history, maxBytes: 16 * 1024 ** 3 } });
process.send?.({ url });
