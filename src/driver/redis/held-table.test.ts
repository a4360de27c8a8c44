import { expect, it } from "vitest";
import { heldBuffer, HeldTable, readHeld } from "./held-table.ts";

function table(): { held: HeldTable; read: () => readonly string[] | undefined; queues: string[] } {
  const buffer = heldBuffer();
  const queues: string[] = [];
  const held = new HeldTable(buffer, (queue) => {
    if (!queues.includes(queue)) queues.push(queue);
    return queues.indexOf(queue);
  });
  return { held, queues, read: () => readHeld(buffer, queues) };
}

it("gives the ids of what is held, as scripts made them", () => {
  const { held, read } = table();
  held.add({ fence: 1_795_881_440_319_893, step: 0, queue: "celery" });
  held.add({ fence: 1_795_881_440_319_894, step: 999, queue: "a.b" });
  held.add({ fence: 7, step: 3, queue: "celery" });
  held.delete({ fence: 7 });
  expect(read()).toEqual(["1795881440319893.0.celery", "1795881440319894.999.a.b"]);
});

it("uses a place again, and knows a claim that is added twice as one", () => {
  const { held, read } = table();
  for (let fence = 1; fence <= 5000; fence++) {
    held.add({ fence, step: 0, queue: "q" });
    held.add({ fence, step: 0, queue: "q" });
    held.delete({ fence });
    held.delete({ fence });
  }
  held.add({ fence: 6000, step: 0, queue: "q" });
  expect(read()).toEqual(["6000.0.q"]);
});

it("grows with what is held, before the eyes of a reader that was there before", () => {
  const { held, read } = table();
  const ids = Array.from({ length: 5000 }, (_, at) => `${String(at + 1)}.0.q`);
  for (let fence = 1; fence <= 5000; fence++) held.add({ fence, step: 0, queue: "q" });
  expect(read()).toEqual(ids);
});

it("is not read as long as the name of a queue is missing: what is left out would not be renewed", () => {
  const buffer = heldBuffer();
  const held = new HeldTable(buffer, (queue) => (queue === "known" ? 0 : 1));
  held.add({ fence: 1, step: 0, queue: "known" });
  held.add({ fence: 2, step: 0, queue: "new" });
  expect(readHeld(buffer, ["known"])).toBeUndefined();
  expect(readHeld(buffer, ["known", "new"])).toEqual(["1.0.known", "2.0.new"]);
});
