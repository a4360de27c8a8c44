/** Cost of the codec a task, in microseconds of one core. Run: `node bench/wire.ts`. Compare runs on one idle machine only. */

import { decodeEnvelope, encodeEnvelope, encodeHead, decodeHead, spliceMarks } from "../src/wire/envelope.ts";
import type { Message } from "../src/wire/message.ts";
import { encodeTaskMeta } from "../src/wire/outcome.ts";
import { decodeCall, splitTaskBody } from "../src/wire/task-body.ts";
import { makeTaskMessage, readTaskHeaders } from "../src/wire/task-message.ts";

const id = "a6407127-3d46-4ced-be37-d67a2f229e42";
const tag = "b54b850a-4f19-47dd-91a7-738f6d0d8475";
const draft = { task: "orders.send_receipt", id, args: [], kwargs: { order: 7, to: "someone@example.org" } };
const result = Buffer.from('{"sent":true,"at":"2030-01-02T03:04:05.678Z"}');

/** What Celery 5.6 sends for `add.delay(2, 2)`. */
const fromPython = JSON.stringify({
  body: Buffer.from('[[2, 2], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]').toString(
    "base64",
  ),
  "content-encoding": "utf-8",
  "content-type": "application/json",
  headers: makeTaskMessage({ ...draft, args: [2, 2], kwargs: {}, origin: "gen31598@host", full: true }).headers,
  properties: {
    correlation_id: id,
    reply_to: "3c663bef-650f-3e63-becd-2e5734a7c398",
    delivery_mode: 2,
    delivery_info: { exchange: "", routing_key: "celery" },
    priority: 0,
    body_encoding: "base64",
    delivery_tag: tag,
  },
});
const own = encodeEnvelope(makeTaskMessage(draft), "celery", tag);
const large = encodeEnvelope(makeTaskMessage({ ...draft, kwargs: { text: 'x"'.repeat(50_000) } }), "celery", tag);

/** Long bodies with a quote in every few bytes, as rows of a table have: as text, and as they go out. */
function rowsOf(count: number): { readonly message: Message; readonly text: string; readonly sent: string } {
  const rows = Array.from({ length: count }, (_, order) => ({
    order,
    to: "someone@example.org",
    paid: true,
    sum: 12.5,
  }));
  const message = makeTaskMessage({ ...draft, kwargs: { rows } });
  const [text, sent] = [encodeEnvelope(message, "celery", tag, false), encodeEnvelope(message, "celery", tag)];
  return { message, text, sent };
}

function read(raw: string | Uint8Array): Message {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) throw new Error(message.reason);
  return message;
}
let sink = 0;
function measure(name: string, run: () => number, rounds = 300_000): void {
  for (let round = 0; round < rounds / 10; round += 1) sink += run();
  let best = Infinity;
  for (let pass = 0; pass < 3; pass += 1) {
    const start = process.hrtime.bigint();
    for (let round = 0; round < rounds; round += 1) sink += run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds / 1000);
  }
  console.log(`${best.toFixed(2).padStart(8)} µs  ${name}`);
}

const made = makeTaskMessage(draft);
const python = read(fromPython);
const ours = read(own);
const ownBytes = Buffer.from(own);
const pythonBytes = Buffer.from(fromPython);
const head = encodeHead(made);
console.log(`own envelope ${own.length} bytes, Python's ${fromPython.length}`);
measure("makeTaskMessage", () => makeTaskMessage(draft).body.length);
measure("makeTaskMessage, full", () => makeTaskMessage({ ...draft, full: true }).body.length);
measure("encodeEnvelope", () => encodeEnvelope(made, "celery", tag).length);
measure("decodeEnvelope, own, text", () => read(own).body.length);
measure("decodeEnvelope, own, bytes", () => read(ownBytes).body.length);
measure("decodeEnvelope, Python's, text", () => read(fromPython).body.length);
measure("decodeEnvelope, Python's, bytes", () => read(pythonBytes).body.length);
measure("decodeEnvelope, own, 100 kB", () => read(large).body.length, 3000);
for (const count of [15, 150]) {
  const { message, text, sent } = rowsOf(count);
  console.log(`rows: ${message.body.length} bytes, as text ${text.length}, as sent ${sent.length}`);
  const [textBytes, sentBytes] = [Buffer.from(text), Buffer.from(sent)];
  const bytesOf = (packed?: boolean): number => Buffer.from(encodeEnvelope(message, "celery", tag, packed)).length;
  measure("encodeEnvelope, rows, text", () => bytesOf(false), 30_000);
  measure("encodeEnvelope, rows, sent", () => bytesOf(), 30_000);
  measure("decodeEnvelope, rows, text", () => read(textBytes).body.length, 30_000);
  measure("decodeEnvelope, rows, sent", () => read(sentBytes).body.length, 30_000);
}
measure("encodeHead", () => encodeHead(made).length);
measure("decodeHead", () => Object.keys(decodeHead(head, made.body)).length);
measure("readTaskHeaders, own", () => readTaskHeaders(ours).id.length);
measure("readTaskHeaders, Python's", () => readTaskHeaders(python).id.length);
measure("splitTaskBody, own", () => splitTaskBody(ours.body).call.length);
measure("splitTaskBody, Python's", () => splitTaskBody(python.body).call.length);
const { call } = splitTaskBody(ours.body);
measure("decodeCall", () => decodeCall(call).args.length);
measure(
  "encodeTaskMeta",
  () =>
    encodeTaskMeta({ id, status: "SUCCESS", result: { json: result }, traceback: null, dateDone: 1_893_553_445_678 })
      .length,
);
measure("spliceMarks", () => spliceMarks(own, { redelivered: true, crashes: 1, suspicions: 0 }).length);
measure("a worker's share of one task, own message", () => {
  const message = read(own);
  const headers = readTaskHeaders(message);
  const split = splitTaskBody(message.body);
  return (
    encodeTaskMeta({
      id: headers.id,
      status: "SUCCESS",
      result: { json: result },
      traceback: null,
      dateDone: 1_893_553_445_678,
    }).length + split.call.length
  );
});
if (sink === 0) throw new Error("nothing was measured");
