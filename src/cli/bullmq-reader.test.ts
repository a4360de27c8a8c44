import { describe, expect, it } from "vitest";
import { fieldsOf, jobOf, schedulerOf } from "./bullmq-reader.ts";

const place = { queue: "mail", tasks: { send: "mail.send" }, timezone: "Europe/Prague" };

describe("a job of BullMQ", () => {
  it("is read with its task, its input and its time", () => {
    const fields = fieldsOf(["name", "send", "data", '{"to":"Ada"}']);
    // BullMQ's score: the time times 4096, plus a count.
    expect(jobOf(place, "5", fields, String(1_790_000_000_000 * 0x1000 + 3))).toEqual({
      source: "job mail: 5",
      job: {
        id: "bullmq:mail:5",
        task: "mail.send",
        queue: "mail",
        due: new Date(1_790_000_000_000),
        args: [],
        kwargs: { to: "Ada" },
      },
    });
    expect(jobOf(place, "6", fieldsOf(["name", "count", "data", "7"]))).toMatchObject({
      job: { task: "count", due: undefined, args: [7], kwargs: {} },
    });
  });

  it("of a name that every object has is a task of that name", () => {
    for (const name of ["constructor", "toString", "__proto__"])
      expect(jobOf(place, "5", fieldsOf(["name", name]))).toMatchObject({ job: { task: name } });
  });

  it("that is delayed to what is no time is left, and holds up none of the others", () => {
    for (const score of ["inf", "1e300", "x"])
      expect(jobOf(place, "5", fieldsOf(["name", "send"]), score)).toEqual({
        source: "job mail: 5",
        why: `it is delayed until ${score}, which is no time`,
      });
  });
});

describe("a job scheduler of BullMQ", () => {
  it("is read as a schedule of its queue, or left with the reason", () => {
    const nightly = fieldsOf(["name", "report", "pattern", "0 3 * * 7", "data", '{"n":1}']);
    const found = schedulerOf(place, "nightly", nightly);
    expect("planned" in found && String(found.planned.schedule)).toBe("0 3 * * 0 Europe/Prague");
    expect(found).toMatchObject({
      planned: { name: "nightly", task: "report", kwargs: { n: 1 }, options: { queue: "mail" } },
    });
    for (const bad of [
      ["name", "a", "every", "soon"],
      ["name", "a", "pattern", "*/10 * * * * *"],
      ["name", "a", "every", "60000", "limit", "3"],
      ["name", "a", "every", "60000", "data", "{"],
    ])
      expect(schedulerOf(place, "x", fieldsOf(bad))).toEqual({ source: "scheduler mail: x", why: expect.any(String) });
  });
});
