/** The app. Its mails go no further than this server's own file, so the broker is never opened; the day that they should, it is there. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "emails",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  tasks: () => [import("./mails.ts")],
});
