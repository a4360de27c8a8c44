/** The measured process of `stream.ts`: a dashboard as `celeriac dashboard` serves it. */

import { createApp } from "../src/app/app.ts";
import { serveDashboard } from "../src/dashboard/index.ts";

const [broker = "", history = ""] = process.argv.slice(2);
const app = createApp({ name: "bench", broker });
const { url } = await serveDashboard(app, { port: 0, history });
process.send?.({ url });
