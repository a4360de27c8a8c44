/** Requests have the form that Celery's own client gives them; answers that real workers sent are read. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeControlRequest, readControlReply } from "./control.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import type { Message } from "./message.ts";

interface Case {
  readonly call: string;
  readonly request: string;
  readonly replies: readonly string[];
  readonly answers: Readonly<Record<string, unknown>>;
}
interface Body {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly destination: readonly string[] | null;
  readonly ticket: string;
  readonly reply_to: { readonly routing_key: string };
}

const read = (raw: string): Message => {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) throw new Error(message.reason);
  return message;
};
const bodyOf = (message: Message): Body => JSON.parse(Buffer.from(message.body).toString()) as Body;

describe.each(["5.2.6", "5.6.3"])("Celery %s", (version) => {
  const file = new URL(`./fixtures/celery-${version}-control.json`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: Readonly<Record<string, Case>> };

  test.each(Object.entries(cases))("%s", (_name, { request, replies, answers }) => {
    const theirs = read(request);
    const asked = bodyOf(theirs);
    const ours = read(
      encodeEnvelope(
        makeControlRequest({
          method: asked.method,
          arguments: asked.arguments,
          destination: asked.destination ?? undefined,
          ticket: asked.ticket,
          replyTo: asked.reply_to.routing_key,
          expires: 1_795_224_404_618,
        }),
        "",
        "tag",
      ),
    );
    expect(bodyOf(ours)).toEqual(asked);
    expect(ours.contentType).toBe(theirs.contentType);
    expect(Object.keys(ours.headers).toSorted()).toEqual(Object.keys(theirs.headers).toSorted());
    expect(ours.headers["expires"]).toBe(1_795_224_404.618);

    const heard = replies.map((raw) => readControlReply(read(raw), asked.ticket));
    expect(Object.fromEntries(heard.flatMap((reply) => [...(reply ?? [])]))).toEqual(answers);
    expect(heard.length).toBeGreaterThan(0);
    for (const raw of replies) expect(readControlReply(read(raw), "another ticket")).toBeUndefined();
  });
});

describe("an answer that is none", () => {
  const answer = (body: string, contentType = "application/json"): Message => ({
    headers: { ticket: "t" },
    properties: {},
    contentType,
    contentEncoding: "utf-8",
    body: Buffer.from(body),
  });

  test.each(["", "[]", "null", "3", "{", '"w1"', '{"__proto__":1}'])("%j", (body) => {
    expect(readControlReply(answer(body), "t")).toBeUndefined();
  });
  test("in pickle", () => {
    expect(readControlReply(answer("{}", "application/x-python-serialize"), "t")).toBeUndefined();
  });
});
