import { array, assert, constant, constantFrom, nat, oneof, property, record } from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { method } from "./method.ts";
import { Settlements } from "./settlements.ts";

/** What a server would make of the bytes: the tags that are settled, in the order of the frames. */
function settled(bytes: Buffer, open: Set<number>): { frames: number; acked: number[]; nacked: number[] } {
  const acked: number[] = [];
  const nacked: number[] = [];
  for (let at = 0; at < bytes.length; at += 21) {
    const id = bytes.readUInt32BE(at + 7);
    const tag = Number(bytes.readBigUInt64BE(at + 11));
    const multiple = (bytes[at + 19]! & 1) === 1;
    const tags = multiple ? [...open].filter((each) => each <= tag || tag === 0) : [tag];
    for (const each of tags) {
      // A tag that is not open ends the channel.
      expect(open.delete(each)).toBe(true);
      (id === method.basicAck ? acked : nacked).push(each);
    }
  }
  return { frames: bytes.length / 21, acked, nacked };
}

test("the server settles what was settled and nothing else, whatever is gathered", () => {
  const step = oneof(
    record({ kind: constant("deliver" as const), count: nat(8) }),
    record({ kind: constantFrom("ack" as const, "nack" as const, "ackAll" as const), pick: nat() }),
    record({ kind: constant("turn" as const) }),
  );
  assert(
    property(array(step, { maxLength: 60 }), (steps) => {
      const out = new ByteWriter();
      const settlements = new Settlements(out, 1);
      const server = new Set<number>();
      const ours = new Set<number>();
      const acked: number[] = [];
      const nacked: number[] = [];
      const seen = { acked: [] as number[], nacked: [] as number[] };
      let next = 1;
      const turn = (): void => {
        settlements.write();
        const { acked, nacked } = settled(Buffer.concat(out.take()), server);
        seen.acked.push(...acked);
        seen.nacked.push(...nacked);
      };
      for (const each of steps) {
        if (each.kind === "deliver")
          for (let count = 0; count < each.count; count++, next++) {
            server.add(next);
            ours.add(next);
            settlements.delivered(next);
          }
        else if (each.kind === "turn") turn();
        else if (ours.size > 0) {
          const tag = [...ours][each.pick % ours.size]!;
          const tags = each.kind === "ackAll" ? [...ours].filter((other) => other <= tag) : [tag];
          for (const other of tags) ours.delete(other);
          (each.kind === "nack" ? nacked : acked).push(...tags);
          if (each.kind === "ack") settlements.ack(tag);
          else if (each.kind === "nack") settlements.nack(tag, false, true);
          else settlements.ackAll(tag);
        }
      }
      turn();
      const order = (a: number, b: number): number => a - b;
      expect(seen.acked.toSorted(order)).toEqual(acked.toSorted(order));
      expect(seen.nacked.toSorted(order)).toEqual(nacked.toSorted(order));
      expect([...server]).toEqual([...ours]);
    }),
  );
});

test("a turn's acks without a gap are one frame, in whatever order they came", () => {
  const out = new ByteWriter();
  const settlements = new Settlements(out, 1);
  for (let tag = 1; tag <= 10; tag++) settlements.delivered(tag);
  for (const tag of [3, 1, 2, 4, 7]) settlements.ack(tag);
  settlements.write();
  const open = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(settled(Buffer.concat(out.take()), open)).toEqual({ frames: 2, acked: [1, 2, 3, 4, 7], nacked: [] });
});

test("nothing is written for a channel that is gone", () => {
  const out = new ByteWriter();
  const settlements = new Settlements(out, 1);
  for (const tag of [1, 2]) settlements.delivered(tag);
  settlements.ack(1);
  settlements.drop();
  settlements.write();
  expect(out.take()).toEqual([]);
});
