import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { bodyApart } from "./body-apart.ts";
import { decodeEnvelope, encodeEnvelope, maxHeadLength } from "./envelope.ts";
import { encodeTaskBody } from "./task-body.ts";
import { makeTaskMessage } from "./task-message.ts";

const long = "x".repeat(20_000);
const rest = `"content-encoding":"utf-8","content-type":"application/json","headers":{"task":"t","id":"i"},"properties":{"correlation_id":"i"}}`;

/** What both ways make of it; the long one gets text. */
function both(raw: string): { apart: unknown; whole: unknown; used: boolean } {
  const bytes = Buffer.from(raw);
  return {
    apart: plain(decodeEnvelope(bytes)),
    whole: plain(decodeEnvelope(raw)),
    used: bodyApart(bytes) !== undefined,
  };
}
function plain(message: ReturnType<typeof decodeEnvelope>): unknown {
  return "malformed" in message ? message : { ...message, body: Buffer.from(message.body).toString("latin1") };
}

describe("the body of a large envelope", () => {
  it("is taken from the bytes as the parser would read it", () => {
    for (const text of [long, `${long}é☃😀`, `"${long}"`, `\\ / " ${long}`, `${long}\\`, `${long}"`]) {
      const message = makeTaskMessage({ task: "t", id: "i", args: [{ text, n: 1 }], kwargs: {} });
      const raw = encodeEnvelope(message, "q", "tag");
      const { apart, whole, used } = both(raw);
      expect(used).toBe(true);
      expect(apart).toEqual(whole);
      expect(apart).toMatchObject({ body: Buffer.from(message.body).toString("latin1") });
    }
  });

  it("is taken from Python's spacing and base64 as well", () => {
    const body = Buffer.from(encodeTaskBody([long], {})).toString("base64");
    const properties = `"properties": {"correlation_id": "i", "body_encoding": "base64"}`;
    const raw = `{"body": "${body}", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"task": "t", "id": "i"}, ${properties}}`;
    const { apart, whole, used } = both(raw);
    expect(used).toBe(true);
    expect(apart).toEqual(whole);
    expect(apart).toMatchObject({ body: `["${long}",{},{}]`.replace(`["`, `[["`).replace(`",{}`, `"],{}`) });
  });

  it("is left to the parser where its escapes are others or many, or it stands elsewhere", () => {
    const bodies = [`${long}\\n`, `\\u0041${long}`, `\\/\\"`.repeat(20_000)];
    for (const body of bodies) {
      const { apart, whole, used } = both(`{"body":"${body}",${rest}`);
      expect(used).toBe(false);
      expect(apart).toEqual(whole);
      expect(apart).not.toHaveProperty("malformed");
    }
    const { apart, whole, used } = both(
      `{"headers":{"task":"t","id":"i"},"body":"${long}","content-type":"application/json"}`,
    );
    expect([used, apart]).toEqual([false, whole]);
  });

  it("is refused for the same reasons", () => {
    const raws = [
      `{"body":"${long}`,
      `{"body":"${long}\\`,
      `{"body":"${long}\\"`,
      `{"body":"${long}"`,
      `{"body":"${long}",}`,
      `{"body":"${long}","content-type":"application/json","headers":[]}`,
      `{"body":"${long}","headers":{"a":"${"y".repeat(maxHeadLength)}"},"content-type":"application/json"}`,
      `{"body":"${long}",${rest.replace("{", `{"x":${"[".repeat(100)}${"]".repeat(100)},`)}`,
      `{"body":"${long}",${rest.replace(`"i"}}`, `"i","body_encoding":"rot13"}}`)}`,
    ];
    for (const raw of raws) {
      const { apart, whole } = both(raw);
      expect(whole).toHaveProperty("malformed");
      expect(apart).toEqual(whole);
    }
    const bytes = Buffer.from(`{"body":"${long}",${rest}`);
    bytes[100] = 0xff;
    expect(decodeEnvelope(bytes)).toMatchObject({ reason: "the message is not UTF-8" });
  });

  it("is the last of several, as the parser has it", () => {
    const { apart, whole } = both(`{"body":"${long}","body":"second",${rest}`);
    expect(apart).toEqual(whole);
    expect(apart).toMatchObject({ body: "second" });
  });
});
