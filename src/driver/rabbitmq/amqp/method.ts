/** The methods of AMQP 0-9-1 that this driver uses: their numbers (class in the high half), and how each is written. */

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { AmqpDelivery, Outbound } from "./client.ts";
import { closeFrame, endByte, frameType, openFrame, writeBody } from "./frame.ts";
import { writeProperties } from "./properties.ts";

export const method = {
  connectionStart: 0x000a_000a,
  connectionStartOk: 0x000a_000b,
  connectionSecure: 0x000a_0014,
  connectionTune: 0x000a_001e,
  connectionTuneOk: 0x000a_001f,
  connectionOpen: 0x000a_0028,
  connectionOpenOk: 0x000a_0029,
  connectionClose: 0x000a_0032,
  connectionCloseOk: 0x000a_0033,
  connectionBlocked: 0x000a_003c,
  connectionUnblocked: 0x000a_003d,
  channelOpen: 0x0014_000a,
  channelOpenOk: 0x0014_000b,
  channelFlow: 0x0014_0014,
  channelFlowOk: 0x0014_0015,
  channelClose: 0x0014_0028,
  channelCloseOk: 0x0014_0029,
  exchangeDeclare: 0x0028_000a,
  exchangeDeclareOk: 0x0028_000b,
  exchangeDelete: 0x0028_0014,
  exchangeDeleteOk: 0x0028_0015,
  exchangeBind: 0x0028_001e,
  exchangeBindOk: 0x0028_001f,
  queueDeclare: 0x0032_000a,
  queueDeclareOk: 0x0032_000b,
  queueBind: 0x0032_0014,
  queueBindOk: 0x0032_0015,
  queuePurge: 0x0032_001e,
  queuePurgeOk: 0x0032_001f,
  queueDelete: 0x0032_0028,
  queueDeleteOk: 0x0032_0029,
  queueUnbind: 0x0032_0032,
  queueUnbindOk: 0x0032_0033,
  basicQos: 0x003c_000a,
  basicQosOk: 0x003c_000b,
  basicConsume: 0x003c_0014,
  basicConsumeOk: 0x003c_0015,
  basicCancel: 0x003c_001e,
  basicCancelOk: 0x003c_001f,
  basicPublish: 0x003c_0028,
  basicReturn: 0x003c_0032,
  basicDeliver: 0x003c_003c,
  basicGet: 0x003c_0046,
  basicGetOk: 0x003c_0047,
  basicGetEmpty: 0x003c_0048,
  basicAck: 0x003c_0050,
  basicNack: 0x003c_0078,
  confirmSelect: 0x0055_000a,
  confirmSelectOk: 0x0055_000b,
} as const;

/** For people: "queue.declare", or class and number of one that is not here. */
export function methodName(id: number): string {
  const known = Object.entries(method).find(([, value]) => value === id);
  return known?.[0].replace(/[A-Z]/u, (letter) => `.${letter.toLowerCase()}`) ?? `method ${id >>> 16}.${id & 0xffff}`;
}

type Envelope = Pick<AmqpDelivery, "deliveryTag" | "redelivered" | "exchange" | "routingKey">;

export const basicClass = 60;

/** Writes a whole method frame, or throws and writes nothing. */
export function writeMethod(out: ByteWriter, channel: number, id: number, args?: (out: ByteWriter) => void): void {
  const mark = openFrame(out, frameType.method, channel);
  try {
    out.u32(id);
    args?.(out);
    closeFrame(out, mark);
  } catch (error) {
    out.undo(mark);
    throw error;
  }
}

/** `connection.close` and `channel.close`. */
export function writeClose(out: ByteWriter, channel: number, id: number, code: number, text: string): void {
  writeMethod(out, channel, id, (out) => {
    out.u16(code);
    out.shortString(text.slice(0, 80), "reason");
    out.u32(0);
  });
}

/** Code and text, with which the other side's `close` begins, and `basic.return`. */
export function readReason(bytes: ByteReader): { readonly code: number; readonly text: string } {
  return { code: bytes.u16(), text: bytes.shortString() };
}

/** What `basic.deliver` and `basic.get-ok` have in common. */
export function readEnvelope(bytes: ByteReader): Envelope {
  const deliveryTag = bytes.u64();
  const redelivered = (bytes.u8() & 1) !== 0;
  return { deliveryTag, redelivered, exchange: bytes.name(), routingKey: bytes.name() };
}

/** `basic.ack` and `basic.nack`: `bits` are multiple and requeue. */
export function writeSettlement(out: ByteWriter, channel: number, id: number, deliveryTag: number, bits: number): void {
  out.u8(frameType.method);
  out.u16(channel);
  out.u32(13);
  out.u32(id);
  out.i64(deliveryTag);
  out.u8(bits);
  out.u8(endByte);
}

/** Method, header and body of one message. Throws, and writes nothing, for what has no place in a header frame. */
export function writePublish(out: ByteWriter, channel: number, message: Outbound): void {
  const start = openFrame(out, frameType.method, channel);
  try {
    out.u32(method.basicPublish);
    out.u16(0);
    out.shortString(message.exchange, "exchange");
    out.shortString(message.routingKey, "routing key");
    out.u8(message.mandatory ? 1 : 0);
    closeFrame(out, start);
    const header = openFrame(out, frameType.header, channel);
    out.u16(basicClass);
    out.u16(0);
    out.i64(message.body.length);
    if (message.encoded === undefined) writeProperties(out, message.properties);
    else out.bytes(message.encoded);
    closeFrame(out, header);
  } catch (error) {
    out.undo(start);
    throw error;
  }
  writeBody(out, channel, message.body);
}
