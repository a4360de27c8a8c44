import { describe, expect, it } from "vitest";
import type { Signature } from "../wire/signature.ts";
import { chainOf, partsOf } from "./composite.ts";
import { keptBody } from "./kept-body.ts";

function call(task: string, options: Signature["options"] = {}): Signature {
  return { task, args: [], kwargs: {}, options, subtask_type: null, immutable: false };
}

describe("the body that a join keeps", () => {
  const queueOf = (task: string): string => `queue of ${task}`;

  it("says where each of its tasks and their callbacks go, and keeps what they say themselves", () => {
    const body = chainOf([call("a", { link: [call("b")] }), call("c", { queue: "own" })]);
    const [first, second] = partsOf(keptBody(body, { queueOf }));
    expect(first?.options).toMatchObject({ queue: "queue of a", link: [{ options: { queue: "queue of b" } }] });
    expect(second?.options["queue"]).toBe("own");
  });

  it("carries the family, whose stamps do not take the place of its own", () => {
    const stamps = { tenant: "t", own: "theirs" };
    const body = call("a", { own: "mine", stamped_headers: ["own"] });
    expect(keptBody(body, { root: "r", stamps, queueOf }).options).toEqual({
      root_id: "r",
      tenant: "t",
      own: "mine",
      stamped_headers: ["own", "tenant"],
      queue: "queue of a",
    });
  });
});
