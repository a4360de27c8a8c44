import { createSecretKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeControlRequest } from "./control.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import type { Message } from "./message.ts";
import { type Keyring, readSeal, signatureHeader, signMessage } from "./signing.ts";
import { PlainDate } from "./tagged.ts";
import { makeTaskMessage, retryMessage, type TaskDraft } from "./task-message.ts";

const keyOf = (letter: string) => createSecretKey(Buffer.from(letter.repeat(32)));
const keys = new Map([
  ["old", keyOf("a")],
  ["new", keyOf("b")],
]);
const keyring: Keyring = { use: "new", keys };
const mail = { kind: "task", queue: "mail" } as const;
const now = 1_790_000_000_000;

const plain = (draft: Partial<TaskDraft> = {}): Message =>
  makeTaskMessage({ task: "t.pay", id: "id-1", args: [1], kwargs: { to: "ann" }, ...draft });
const signed = (draft: Partial<TaskDraft> = {}): Message => signMessage(plain(draft), mail, keyring, now);
const travelled = (message: Message): Message => decodeEnvelope(encodeEnvelope(message, "mail", "tag")) as Message;
const withHeaders = (message: Message, changes: Record<string, unknown>): Message => ({
  ...message,
  headers: Object.assign(Object.create(null) as Record<string, unknown>, message.headers, changes),
});
const seal = (message: Message, purpose: Parameters<typeof readSeal>[1] = mail) => readSeal(message, purpose, keyring);

describe("a signature", () => {
  it("is taken from who has the key, for the same place, and says when it was made", () => {
    expect(seal(signed())).toMatchObject({ kind: "signed", at: now });
  });

  it("fits whatever way the message went", () => {
    const draft: Partial<TaskDraft> = {
      eta: now + 5000.25,
      expires: now + 60_000,
      headers: {
        "x-b": { z: 1, a: [1.5, null, true, -0, 1e300, 2n ** 70n] },
        "x-a": new Date(now),
        day: new PlainDate("2030-01-02"),
      },
      stamps: { tenant: ["a", "b"] },
      full: true,
      replyTo: "inbox",
      priority: 3,
    };
    const there = travelled(signed(draft));
    expect(seal(there)).toMatchObject({ kind: "signed" });
    const entries = Object.entries(there.headers).reverse();
    const shuffled = Object.setPrototypeOf(Object.fromEntries(entries), null) as Message["headers"];
    expect(seal({ ...there, headers: shuffled })).toMatchObject({ kind: "signed" });
  });

  it("says nothing of what brokers and workers note on the way", () => {
    const noted = {
      redelivered: true,
      "celeriac.crashes": 2,
      "celeriac.unknown": { since: 1, tries: 2 },
      "x-death": [1],
    };
    expect(seal(withHeaders(signed(), noted))).toMatchObject({ kind: "signed" });
  });

  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  it.each<[string, (message: Message) => Message]>([
    ["another task", (message) => withHeaders(message, { task: "t.refund" })],
    ["another id", (message) => withHeaders(message, { id: "id-2" })],
    ["a later expiry", (message) => withHeaders(message, { expires: "2099-01-01T00:00:00Z" })],
    ["no eta", (message) => withHeaders(message, { eta: null })],
    ["fewer tries behind it", (message) => withHeaders(message, { retries: 0 })],
    ["another group", (message) => withHeaders(message, { group: "g-2" })],
    ["another limit", (message) => withHeaders(message, { timelimit: [null, 9999] })],
    ["another header of the caller's", (message) => withHeaders(message, { tenant: "bob" })],
    ["one header more", (message) => withHeaders(message, { added: 1 })],
    ["another key of its rate", (message) => withHeaders(message, { "celeriac.key": "bob" })],
    ["stamps", (message) => withHeaders(message, { stamps: { admin: true }, stamped_headers: ["admin"] })],
    [
      "another place for its result",
      (message) => ({ ...message, properties: { ...message.properties, replyTo: "evil" } }),
    ],
    ["another content type", (message) => ({ ...message, contentType: "application/x-python-serialize" })],
    ["another encoding", (message) => ({ ...message, contentEncoding: "latin-1" })],
    ["another compression", (message) => withHeaders(message, { compression: "application/x-gzip" })],
    ["its first byte changed", (message) => ({ ...message, body: flipped(message.body, 0) })],
    ["its last byte changed", (message) => ({ ...message, body: flipped(message.body, message.body.length - 1) })],
    ["a space more in its body", (message) => ({ ...message, body: Buffer.concat([message.body, Buffer.from(" ")]) })],
    [
      "the signature of another task",
      (message) => withHeaders(message, { [signatureHeader]: signed({ id: "id-9" }).headers[signatureHeader] }),
    ],
    [
      "another time in its signature",
      (message) =>
        withHeaders(message, {
          [signatureHeader]: String(message.headers[signatureHeader]).replace(String(now), String(now + 1)),
        }),
    ],
    [
      "another key's id in its signature",
      (message) =>
        withHeaders(message, { [signatureHeader]: String(message.headers[signatureHeader]).replace(" new ", " old ") }),
    ],
  ])("does not fit a message with %s", (_, change) => {
    const message = signed({
      eta: now,
      retries: 2,
      group: "g",
      timeLimit: { soft: 1000 },
      headers: { tenant: "ann", "celeriac.key": "ann" },
    });
    expect(seal(message)).toMatchObject({ kind: "signed" });
    expect(seal(change(message))).toMatchObject({ kind: "wrong" });
  });

  it("is for one queue, and never for a command", () => {
    expect(seal(signed(), { kind: "task", queue: "other" })).toMatchObject({ kind: "wrong" });
    expect(seal(signed(), { kind: "control", namespace: "mail" })).toMatchObject({ kind: "wrong" });
  });

  it("is changed by each of its bits", () => {
    const message = signed();
    const text = String(message.headers[signatureHeader]);
    const mac = text.slice(text.lastIndexOf(" ") + 1);
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (let at = 0; at < mac.length; at++) {
      for (let bit = 0; bit < 6; bit++) {
        const other = letters[letters.indexOf(mac[at] ?? "") ^ (1 << bit)] ?? "";
        const forged = withHeaders(message, {
          [signatureHeader]: text.replace(mac, mac.slice(0, at) + other + mac.slice(at + 1)),
        });
        expect(seal(forged)).toMatchObject({ kind: "wrong" });
      }
    }
  });

  it.each([
    1,
    {},
    [],
    "",
    "1",
    "1 new 5 short",
    `1 new x ${"A".repeat(43)}`,
    `2 new 5 ${"A".repeat(43)}`,
    `1 new 5 ${"A".repeat(4300)}`,
    `1 __proto__ 5 ${"A".repeat(43)}`,
  ])("is none if it reads %j", (value) => {
    expect(seal(withHeaders(signed(), { [signatureHeader]: value }))).toMatchObject({ kind: "wrong" });
  });

  it("is missing if there is none, and says so", () => {
    expect(seal(plain())).toEqual({ kind: "unsigned", why: expect.any(String) });
    expect(seal(withHeaders(plain(), { [signatureHeader]: null }))).toMatchObject({ kind: "unsigned" });
  });

  it("is refused with headers that go deeper than any that are read", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = [deep];
    expect(seal(withHeaders(signed(), { deep }))).toMatchObject({ kind: "wrong" });
  });

  it("is taken by any of the keys, and no longer by one that has been put away", () => {
    const before = signMessage(plain(), mail, { use: "old", keys }, now);
    expect(seal(before)).toMatchObject({ kind: "signed" });
    const later = new Map([...keys].filter(([id]) => id !== "old"));
    expect(readSeal(before, mail, { keys: later })).toMatchObject({
      kind: "wrong",
      why: expect.stringContaining('"old"'),
    });
  });

  it("is made anew for the next try, for what it said is not so any more", () => {
    const retry = retryMessage(signed(), { retries: 1, eta: now + 1000, parentId: undefined });
    expect(seal(retry)).toMatchObject({ kind: "wrong" });
    expect(seal(signMessage(retry, mail, keyring, now))).toMatchObject({ kind: "signed" });
  });

  it("covers a command's method, arguments and destination", () => {
    const celery = { kind: "control", namespace: "celery" } as const;
    const command = makeControlRequest({ method: "revoke", arguments: { task_id: "a" }, destination: ["w@one"] });
    const message = signMessage(command, celery, keyring, now);
    expect(seal(message, celery)).toMatchObject({ kind: "signed" });
    for (const [from, to] of [
      ["revoke", "rewoke"],
      ['"a"', '"b"'],
      ["w@one", "w@two"],
    ] as const) {
      const body = Buffer.from(Buffer.from(message.body).toString().replace(from, to));
      expect(seal({ ...message, body }, celery)).toMatchObject({ kind: "wrong" });
    }
  });
});
