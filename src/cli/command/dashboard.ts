/** `celeriac dashboard`: the web page for people, until it is told to stop. */

import { Command } from "commander";
import { keepYoungGenerationSmall } from "../../heap/young-generation.ts";
import type { DashboardFlags } from "../dashboard-process.ts";
import { addJson, addSchedules, addTarget, byteSize, listed, names, wholeNumber } from "../option.ts";

export function dashboardCommand(finish: (code: number) => void): Command {
  const command = new Command("dashboard")
    .description("see and steer everything in a browser; on this machine alone unless there is a login")
    .option("--host <address>", "where to listen; any but this machine needs a login (default: 127.0.0.1)")
    .option("--port <n>", "port (default: 5555; 0: any that is free)", wholeNumber(0))
    .option("--prefix <path>", "path below which it is, such as /celeriac")
    .option("--user <name:role[:queues]>", "somebody who may log in: view, operate or admin; repeat for more", listed)
    .option("--users <file>", 'JSON list of {"name", "role", "password", "queues"}, passwords as `hash` prints them')
    .option("--allow-host <names>", "names under which browsers may reach it, separated by commas", names)
    .option("--trusted-proxies <list>", "addresses and networks whose X-Forwarded-For is believed", names)
    .option("--history <file>", "what is kept of the past (default: .celeriac/dashboard.db)")
    .option("--keep <time>", "what is older is forgotten (default: 7d)")
    .option("--keep-size <size>", "the oldest is forgotten where the file would be larger (default: 1G)", byteSize)
    .option("--environment <name>", 'shown on every page, such as "production" (default: the app\'s name)')
    .option("--read-only", "nobody changes anything")
    .option("--open-metrics", "/metrics without a login")
    .option("--config <file>", "JSON with further options: login.oidc, login.proxy, alerts");
  addJson(addSchedules(addTarget(command))).action(async (flags: DashboardFlags) => {
    keepYoungGenerationSmall();
    const { runDashboard } = await import("../dashboard-process.ts");
    finish(await runDashboard(flags));
  });
  const hash = new Command("hash").description("ask for a password and print its hash, for --users");
  hash.action(async () => {
    const { printHash } = await import("../password.ts");
    finish(await printHash());
  });
  return command.addCommand(hash);
}
