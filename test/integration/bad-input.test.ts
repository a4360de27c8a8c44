import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { createApp, type DeadLetter } from "../../src/index.ts";
import { badInputSuite } from "./bad-input-suite.ts";
import { onBrowsableBrokers } from "./every-broker.ts";

onBrowsableBrokers("bad-input", badInputSuite, (redis) => {
  describe("bytes that are no message", () => {
    it("are dead-lettered as they are, and what lies behind them is run", async () => {
      const server = redis();
      await server.cli("FLUSHALL");
      const deep = "[".repeat(10_000) + "]".repeat(10_000);
      const envelope = (change: Record<string, unknown>): string =>
        JSON.stringify({
          body: "W1tdLCB7fSwge31d",
          "content-encoding": "utf-8",
          "content-type": "application/json",
          headers: { task: "ok", id: "x" },
          properties: { body_encoding: "base64", delivery_tag: "t" },
          ...change,
        });
      const pieces: readonly Uint8Array[] = [
        "",
        "hello",
        "null",
        "[]",
        '{"body":',
        deep,
        `{"headers":${deep}}`,
        envelope({ body: 7 }),
        envelope({ headers: null }),
        envelope({ headers: [] }),
        envelope({ "content-type": undefined }),
        envelope({ headers: { task: "ok", id: "x", padding: "x".repeat(40_000) } }),
        envelope({}).replace('"task"', '"__proto__":{"task":"ok"},"task"'),
        envelope({ headers: { id: "no-task" } }),
        envelope({ headers: { task: "ok", id: "" } }),
        envelope({ headers: { task: "ok", id: { toString: 1 } } }),
        envelope({ headers: { task: ["ok"], id: "list" } }),
        Uint8Array.of(0xff, 0x00, 0xfe, 0x80),
        Uint8Array.from({ length: 300 }, (_, n) => n % 256),
      ].map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
      await using app = createApp({ name: "host", broker: server.url });
      const ok = app.task("ok", () => "fine");
      for (const piece of pieces) await push(server.port, "celery", piece);
      const sent = await ok.delay();
      await app.work({ pool: "inline", concurrency: 5, lease: "60s", unknownTaskGrace: "10m" });
      expect(await sent.get({ timeout: "60s" })).toBe("fine");
      const letters = async (): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 100)).items;
      await expect.poll(async () => (await letters()).length, { timeout: 60_000 }).toBe(pieces.length);
      const found = (await letters()).map(({ raw }) => Buffer.from(raw).toString("hex"));
      expect(found.toSorted()).toEqual(pieces.map((piece) => Buffer.from(piece).toString("hex")).toSorted());
      const [queue] = await app.queues.list();
      expect([queue?.leased, queue?.delayed]).toEqual([0, 0]);
    });
  });
});

/** As a stranger would: LPUSH with bytes that need not be text. */
async function push(port: number, key: string, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", () => socket.end());
    socket.once("close", () => resolve());
    socket.write(`*3\r\n$5\r\nLPUSH\r\n$${String(key.length)}\r\n${key}\r\n$${String(bytes.length)}\r\n`);
    socket.write(Buffer.concat([bytes, Buffer.from("\r\n")]));
  });
}
