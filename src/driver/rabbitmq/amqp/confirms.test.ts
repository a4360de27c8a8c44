import { array, assert, asyncProperty, boolean, nat, record } from "fast-check";
import { expect, test } from "vitest";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Confirm, Outbound } from "./client.ts";
import { Confirms } from "./confirms.ts";
import { ContentReader } from "./content.ts";
import { writeProperties } from "./properties.ts";

function message(messageId: string | undefined, routingKey = "q"): Outbound {
  return { exchange: "", routingKey, mandatory: true, properties: { messageId }, body: new Uint8Array(0) };
}

/** Gives the bytes of a `basic.return` to `confirms`, as a channel would. */
function sendBack(confirms: Confirms, { exchange, routingKey, properties }: Outbound): void {
  const content = new ContentReader();
  const reader = new ByteReader();
  const read = (write: (out: ByteWriter) => void): { reader: ByteReader; bytes: Buffer } => {
    const out = new ByteWriter();
    write(out);
    const bytes = Buffer.concat(out.take());
    return { reader: reader.use(bytes, 0, bytes.length), bytes };
  };
  confirms.returned(
    read((out) => {
      out.u16(312);
      out.shortString("NO_ROUTE", "text");
      out.shortString(exchange, "exchange");
      out.shortString(routingKey, "routing key");
    }).reader,
    content,
  );
  const header = read((out) => {
    out.u16(60);
    out.u16(0);
    out.i64(0);
    writeProperties(out, properties);
  });
  content.header(header.reader, header.bytes);
}

test("each publish gets its own confirm, whatever the server gathers and in whatever order", async () => {
  await assert(
    asyncProperty(array(record({ add: nat(90), pick: nat(), multiple: boolean() })), async (steps) => {
      const confirms = new Confirms();
      const states: ("open" | Confirm["kind"])[] = ["acked"];
      const expected: ("open" | Confirm["kind"])[] = ["acked"];
      for (const [turn, { add, pick, multiple }] of steps.entries()) {
        for (let count = 0; count < add; count++) {
          const number = states.push("open") - 1;
          expected.push("open");
          void confirms.add(message(undefined)).then(({ kind }) => (states[number] = kind));
        }
        const number = pick % (states.length + 1);
        const kind = turn % 3 === 0 ? "nacked" : "acked";
        confirms.settle(number, multiple, kind === "acked");
        if (number < expected.length)
          for (let at = multiple ? 1 : number; at <= (multiple && number === 0 ? expected.length - 1 : number); at++)
            if (expected[at] === "open") expected[at] = kind;
      }
      await Promise.resolve();
      expect(states).toEqual(expected);
    }),
  );
});

test("a returned message is told to its own publish", async () => {
  const confirms = new Confirms();
  const ids = Array.from({ length: 100 }, (_, index) => `m${index}`);
  const all = ids.map((id) => confirms.add(message(id)));
  for (const id of ["m3", "m7", "m5", "m99"]) sendBack(confirms, message(id));
  sendBack(confirms, message("stranger"));
  sendBack(confirms, message("m8", "another key"));
  confirms.settle(100, true, true);
  const kinds = (await Promise.all(all)).map(({ kind }) => kind);
  expect(ids.filter((_, index) => kinds[index] === "returned")).toEqual(["m3", "m5", "m7", "m99"]);
});

test("of equal messages that come back each is told once", async () => {
  const confirms = new Confirms();
  const all = [1, 2, 3].map(() => confirms.add(message(undefined)));
  for (let count = 0; count < 3; count++) sendBack(confirms, message(undefined));
  confirms.settle(0, true, true);
  expect(await Promise.all(all)).toEqual([1, 2, 3].map(() => ({ kind: "returned", code: 312, text: "NO_ROUTE" })));
});

test("what was not confirmed is rejected at the end, what was is not", async () => {
  const confirms = new Confirms();
  const all = Array.from({ length: 200 }, () => confirms.add(message(undefined)));
  confirms.settle(150, false, true);
  confirms.rejectAll(new Error("gone"));
  const results = await Promise.allSettled(all);
  expect(results.map(({ status }) => status === "fulfilled").indexOf(true)).toBe(149);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(199);
});
