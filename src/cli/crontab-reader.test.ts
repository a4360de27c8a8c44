/** What a crontab says, line by line. */

import { expect, it } from "vitest";
import { type CrontabOptions, readCrontab } from "./crontab-reader.ts";

const read = (text: string, options: Partial<CrontabOptions> = {}): readonly unknown[] =>
  readCrontab(text, { system: false, task: "shell.run", timezone: "UTC", ...options }).map((item) =>
    !("planned" in item)
      ? `${item.source}: ${"why" in item ? item.why : ""}`
      : [item.planned.name, String(item.planned.schedule), item.planned.kwargs, item.planned.schedule.timezone],
  );

it("makes a schedule of each line, with the settings above it", () => {
  const text = `# comment\n\nPATH = "/usr/bin:/bin"\n*/5 9-17 * jan-mar mon-fri  /opt/busy.sh --all\nCRON_TZ=Europe/Prague\n@midnight busy.sh\n`;
  expect(read(text)).toEqual([
    ["busy.sh", "*/5 9-17 * jan-mar mon-fri", { command: "/opt/busy.sh --all", env: { PATH: "/usr/bin:/bin" } }, "UTC"],
    ["busy.sh-2", "0 0 * * * Europe/Prague", { command: "busy.sh", env: { PATH: "/usr/bin:/bin" } }, "Europe/Prague"],
  ]);
});

it("knows the user of a system's crontab", () => {
  expect(read("17 * * * * root cd / && run-parts", { system: true })).toEqual([
    ["cd", "17 * * * *", { command: "cd / && run-parts", user: "root" }, "UTC"],
  ]);
});

it("ends a command at a percent sign that no backslash stands before", () => {
  expect(read("@daily A=1 mail me%dear%you \\%")).toEqual([
    ["mail", "0 0 * * *", { command: "A=1 mail me", stdin: "dear\nyou %\n" }, "UTC"],
  ]);
});

it.each([
  ["7", "0"],
  ["5-7", "5,6,0"],
  ["1-7/2", "1,3,5,0"],
  ["1,7", "1,0"],
  ["*/2", "*/2"],
])("takes the weekdays %s for %s", (given, meant) => {
  expect(read(`0 3 * * ${given} x`)).toEqual([["x", `0 3 * * ${meant}`, { command: "x" }, "UTC"]]);
});

it.each([
  ["@reboot x", /no time/],
  ["0 3 1 * 1 x", /days 1 and on weekdays 1/],
  ["0~30 3 * * * x", /random/],
  ["61 3 * * * x", /"61" is no minute/],
  ["0 3 * * *", /no command/],
  ["CRON_TZ=Mars/Olympus\n0 3 * * * x", /Mars/],
])("leaves %j, and says why", (line, why) => {
  const [found, ...more] = read(line);
  expect(String(found)).toMatch(why);
  expect(more).toEqual([]);
});
