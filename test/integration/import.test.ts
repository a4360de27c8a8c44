/** Schedules from elsewhere, by the real command line; the source stays as it is unless it is moved. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../scripts/process.ts";
import { releases } from "../interop/release.ts";
import { celeriac } from "../server/command-line.ts";
import { describeNeeding } from "../server/required-program.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "celeriac-import-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const broker = (): readonly string[] => ["--broker", `sqlite:${join(folder, "queue.db")}`];
const rows = (text: string): readonly unknown[] =>
  (JSON.parse(text) as { source: string; state: string; name: string; schedule: string; task: string }[]).map(
    ({ source, state, name, schedule, task }) => [source, state, name, schedule, task],
  );

test("a crontab is shown, taken over, and its lines commented out where that is asked for", async () => {
  const file = join(folder, "crontab");
  const text = "0 3 * * 7 backup.sh\n@reboot start.sh\n*/5 * * * * busy.sh\n";
  await writeFile(file, text);
  const command = ["import", "crontab", file, "--timezone", "UTC", "--json", ...broker()];

  const dry = await celeriac([...command, "--dry-run"]);
  expect(dry.code).toBe(1); // one line is left
  expect(rows(dry.stdout)).toEqual([
    ["line 1", "would be taken over", "backup.sh", "0 3 * * 0", "shell.run"],
    ["line 2", "left", "", "", ""],
    ["line 3", "would be taken over", "busy.sh", "*/5 * * * *", "shell.run"],
  ]);
  expect(await celeriac(["schedule", "list", "--json", ...broker()])).toMatchObject({ stdout: "[]\n" });

  const done = await celeriac([...command, "--move"]);
  expect(rows(done.stdout).map((row) => (row as string[])[1])).toEqual(["taken over", "left", "taken over"]);
  expect(await readFile(file, "utf8")).toBe(
    "# celeriac: 0 3 * * 7 backup.sh\n@reboot start.sh\n# celeriac: */5 * * * * busy.sh\n",
  );
  const listed = JSON.parse((await celeriac(["schedule", "list", "--json", ...broker()])).stdout) as unknown[];
  expect(listed).toMatchObject([
    { name: "backup.sh", task: "shell.run" },
    { name: "busy.sh", task: "shell.run" },
  ]);

  await writeFile(file, text);
  const again = await celeriac([...command, "--move"]);
  expect(again.stdout).toMatch(/SCHEDULE_TAKEN/);
  expect(await readFile(file, "utf8")).toBe(text);
});

test("what is no crontab, no Python and no app is said at once", async () => {
  expect(await celeriac(["import", "crontab", join(folder, "nowhere"), ...broker()])).toMatchObject({ code: 2 });
  const both = await celeriac(["import", "celery-beat", "--from", "a:app", "--file", "b", ...broker()]);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("one of them") as string });
  const none = await celeriac(["import", "celery-beat", "--from", "a:app", "--python", "no-python", ...broker()]);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^PYTHON_FAILED: "no-python"/) as string });
});

describeNeeding(releases["5.6"], "a Celery app's beat", () => {
  const app = `
from datetime import timedelta
from celery import Celery
from celery.schedules import crontab
app = Celery("proj", broker="memory://")
app.conf.timezone = "Europe/Prague"
app.conf.beat_schedule = {
    "report": {"task": "proj.report", "schedule": crontab(hour=3, minute=0, day_of_week="mon,fri"), "args": (1, "x"), "options": {"queue": "slow", "expires": 60}},
    "poll": {"task": "proj.poll", "schedule": 30.0, "kwargs": {"deep": True}},
    "odd": {"task": "proj.odd", "schedule": timedelta(seconds=5), "options": {"exchange": "x"}},
    "worse": {"task": "proj.worse", "schedule": timedelta(seconds=5), "args": (object(),)},
}
@app.on_after_configure.connect
def more(sender, **kwargs):
    sender.add_periodic_task(timedelta(hours=1), sender.signature("proj.hourly"), name="hourly")
print("loaded")
`;
  const expected = [
    ["hourly", "taken over", "hourly", "every 1h", "proj.hourly"],
    ["odd", "left", "", "", ""],
    ["poll", "taken over", "poll", "every 30s", "proj.poll"],
    ["report", "taken over", "report", "0 3 * * mon,fri Europe/Prague", "proj.report"],
    ["worse", "left", "", "", ""],
  ];
  const python = releases["5.6"].interpreter;
  const sorted = (text: string): readonly unknown[] =>
    rows(text).toSorted((a, b) => ((a as string[])[0] as string).localeCompare((b as string[])[0] as string));

  test("is taken over from its module", async () => {
    await writeFile(join(folder, "proj.py"), app);
    const from = ["--from", "proj:app", "--path", folder, "--python", python];
    const done = await celeriac(["import", "celery-beat", ...from, "--json", ...broker()]);
    expect(done.stderr).toBe("");
    expect(sorted(done.stdout)).toEqual(expected);
    expect(done.stdout).toMatch(/option \\"exchange\\" has no counterpart/);
  });

  test("is taken over from the file of its scheduler", async () => {
    await writeFile(
      join(folder, "store.py"),
      `import shelve, sys
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import crontab
app = Celery("proj")
with shelve.open(sys.argv[1]) as store:
    store["entries"] = {"report": ScheduleEntry(name="report", task="proj.report", schedule=crontab(hour=3, minute=0), app=app),
        "celery.backend_cleanup": ScheduleEntry(name="celery.backend_cleanup", task="celery.backend_cleanup", schedule=crontab(hour=4, minute=0), app=app)}
    store["tz"] = "Europe/Prague"
`,
    );
    const file = join(folder, "celerybeat-schedule");
    const written = await run(python, [join(folder, "store.py"), file], { output: "keep" });
    expect(written.text).toBe("");
    const done = await celeriac(["import", "celery-beat", "--file", file, "--python", python, "--json", ...broker()]);
    expect(sorted(done.stdout)).toEqual([
      ["celery.backend_cleanup", "left", "", "", ""],
      ["report", "taken over", "report", "0 3 * * * Europe/Prague", "proj.report"],
    ]);
  });
});
