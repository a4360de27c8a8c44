import { array, assert, integer, property } from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { ConnectionError, type Outbound } from "./client.ts";
import { FrameReader, frameOverhead, protocolHeader, writeHeartbeat } from "./frame.ts";
import { writePublish } from "./method.ts";

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

function collect(limit: number, chunks: readonly Buffer[]): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((type, channel, bytes, from, end) =>
    frames.push({ type, channel, payload: Buffer.from(bytes.subarray(from, end)) }),
  );
  reader.limit = limit;
  for (const chunk of chunks) reader.feed(chunk);
  return frames;
}

function message(body: Uint8Array, headers: Record<string, unknown> = {}): Outbound {
  return { exchange: "", routingKey: "q", mandatory: true, properties: { headers, messageId: "m" }, body };
}

function written(limit: number, ...messages: readonly Outbound[]): Buffer {
  const out = new ByteWriter();
  out.limit = limit;
  for (const each of messages) writePublish(out, 1, each);
  return Buffer.concat(out.take());
}

test("a body is split so that no frame is larger than agreed", () => {
  for (const size of [0, 1, 4087, 4088, 4089, 8176, 20_000, 300_000]) {
    const body = Buffer.alloc(size, "abc");
    const frames = collect(4096, [written(4096, message(body))]);
    const bodies = frames.filter((frame) => frame.type === 3);
    expect(Buffer.concat(bodies.map((frame) => frame.payload)).equals(body)).toBe(true);
    expect(bodies).toHaveLength(Math.ceil(size / (4096 - frameOverhead)));
    expect(frames.slice(0, 2).map((frame) => frame.type)).toEqual([1, 2]);
  }
});

test("frames are found however the stream is cut", () => {
  const bodies = [0, 3, 70_000, 9000, 1].map((size) => Buffer.alloc(size, "x"));
  const stream = written(131_072, ...bodies.map((body) => message(body, { task: "tasks.add", n: 1 })));
  const whole = collect(131_072, [stream]);
  assert(
    property(array(integer({ min: 1, max: 5000 }), { minLength: 1 }), (sizes) => {
      const chunks: Buffer[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      const frames = collect(131_072, chunks);
      expect(frames.length).toBe(whole.length);
      expect(frames.every((frame, index) => frame.payload.equals(whole[index]!.payload))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("a frame larger than agreed ends the connection before it takes memory", () => {
  const head = Buffer.from("03000100100000", "hex");
  for (const chunks of [[head], [...head].map((byte) => Buffer.from([byte]))]) {
    // Not the first frame of a connection.
    const greeting = Buffer.from("01000000000000ce", "hex");
    expect(() => collect(131_072, [greeting, ...chunks])).toThrow(/1048584 bytes came, and 131072 were agreed/);
  }
  expect(() => collect(4096, [Buffer.from("01000000001000", "hex")])).toThrow(
    expect.objectContaining({ name: "ConnectionError", code: 501 }) as Error,
  );
});

test("what is no frame ends the connection", () => {
  const greeting = Buffer.from("01000000000000ce", "hex");
  expect(() => collect(4096, [greeting, Buffer.from("07000000000000ce", "hex")])).toThrow(/unknown type 7/);
  expect(() => collect(4096, [greeting, Buffer.from("01000000000000cf", "hex")])).toThrow(/doesn't end where it says/);
  expect(() => collect(4096, [Buffer.from("HTTP/1.1 400 Bad Request\r\n")])).toThrow(/no AMQP server.*HTTP/);
  expect(() => collect(4096, [Buffer.from(protocolHeader)])).toThrow(ConnectionError);
  expect(() => collect(4096, [Buffer.from("AMQP\x03\x01\x00\x00", "latin1")])).toThrow(/AMQP 1-0 and not 0-9-1/);
});

test("headers that fill more than a frame are refused, and nothing of them is written", () => {
  const out = new ByteWriter();
  out.limit = 4096;
  writeHeartbeat(out);
  expect(() => writePublish(out, 1, message(Buffer.from("b"), { a: "x".repeat(2500), b: "y".repeat(2500) }))).toThrow(
    expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }) as Error,
  );
  expect(() => writePublish(out, 1, message(Buffer.from("b"), { a: 1, b: () => 1 }))).toThrow(
    expect.objectContaining({ code: "NOT_SERIALIZABLE" }) as Error,
  );
  expect(() => writePublish(out, 1, { ...message(Buffer.from("b")), routingKey: "q".repeat(256) })).toThrow(
    /routing key/,
  );
  writePublish(out, 1, message(Buffer.from("good")));
  const frames = collect(4096, [Buffer.from("01000000000000ce", "hex"), Buffer.concat(out.take())]);
  expect(frames.map((frame) => frame.type)).toEqual([1, 8, 1, 2, 3]);
});

test("what was taken from a writer is not touched by what is written next", () => {
  const out = new ByteWriter();
  out.limit = 131_072;
  const taken: { readonly bytes: Uint8Array; readonly copy: Buffer }[] = [];
  for (let turn = 0; turn < 300; turn++) {
    for (let index = 0; index <= turn % 7; index++)
      writePublish(
        out,
        1,
        message(Buffer.alloc(((turn * 911) % 12_000) + index, turn), { text: "t".repeat(turn * 20) }),
      );
    for (const bytes of out.take()) taken.push({ bytes, copy: Buffer.from(bytes) });
  }
  expect(taken.every(({ bytes, copy }) => copy.equals(bytes))).toBe(true);
  expect(
    collect(
      131_072,
      taken.map(({ copy }) => copy),
    ).length,
  ).toBeGreaterThan(3000);
});
