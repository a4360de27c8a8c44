import { expect, test } from "vitest";
import { CeleriacError } from "../error/celeriac-error.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { packParcel, unpackParcel } from "./parcel.ts";

const message = makeTaskMessage({ task: "t.add", id: "a", args: [1], kwargs: {} });
const sound = packParcel({
  sends: [{ queue: "q", message, due: 5, dedupe: { id: "a", nonce: "n", window: 1000 } }],
  joins: [{ group: "g", size: 2, ttl: 1000, body: Buffer.from("b") }],
});

/** The parcel with other members in its first message and its first join, as text. */
function changed(send: Readonly<Record<string, unknown>>, join: Readonly<Record<string, unknown>> = {}): string {
  const written = JSON.parse(sound) as { version: number; sends: object[]; joins: object[] };
  return JSON.stringify({
    ...written,
    sends: [{ ...written.sends[0], ...send }],
    joins: [{ ...written.joins[0], ...join }],
  });
}

function codeOf(text: string): string {
  try {
    unpackParcel(text);
  } catch (error) {
    if (error instanceof CeleriacError) return error.code;
    throw error;
  }
  return "read";
}

test("a row is read as it was written", () => {
  const { sends, joins } = unpackParcel(sound);
  expect(sends).toMatchObject([{ queue: "q", due: 5, dedupe: { id: "a", nonce: "n", window: 1000 } }]);
  expect(joins).toMatchObject([{ group: "g", size: 2, ttl: 1000 }]);
  expect(codeOf(changed({ due: undefined }))).toBe("read");
});

test.each([
  ["empty", ""],
  ["null", "null"],
  ["a number", "5"],
  ["a list", "[]"],
  ["without messages", '{"version":1}'],
  ["of another version", '{"version":2,"sends":[],"joins":[]}'],
  ["with a message that is null", '{"version":1,"sends":[null],"joins":[]}'],
  ["with a message that is a number", '{"version":1,"sends":[5],"joins":[]}'],
  ["with a join that is null", '{"version":1,"sends":[],"joins":[null]}'],
  ["with an id that is a number", changed({ once: 5 })],
  ["without an envelope", changed({ envelope: null })],
  ["with an envelope that is none", changed({ envelope: "{}" })],
  ["with a window before now", changed({ window: -1 })],
  ["with an endless window", changed({}).replace('"window":1000', '"window":1e999')],
  ["with a time in words", changed({ due: "soon" })],
  ["with a size in words", changed({}, { size: "2" })],
  ["with a join without a body", changed({}, { body: null })],
])("a row that nobody packed, %s, is refused with a code", (_, text) => {
  expect(codeOf(text)).toBe("MESSAGE_UNDECODABLE");
});

test.each([5, null, "", "unacked", "a b", "q\u0006\u00163"])("a queue that cannot be, %j, is refused", (queue) => {
  expect(codeOf(changed({ queue }))).toBe("NAME_INVALID");
});
