/** Rows on what may not be read: compression, foreign content types, unknown tasks, messages that are none. The worker lives on. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DeadLetter } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";

/** Publishes what it is told as it is, with kombu: content type, headers and body are the test's own. */
const publish = `
def publish(body, headers, queue="ts", content_type="application/json", content_encoding="utf-8"):
    with app.producer_pool.acquire() as producer:
        producer.publish(body, exchange="", routing_key=queue, headers=headers,
                         content_type=content_type, content_encoding=content_encoding)
publish(**given)`;

interface Published {
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content_type?: string;
}

type Said = Readonly<Record<string, unknown>>;

export const content: readonly Behaviour[] = [
  {
    name: "compression: zlib, brotli and zstd are unpacked",
    direction: "TypeScript → Python",
    async run(stage) {
      const text = "é".repeat(5000);
      for (const compression of ["zlib", "brotli", "zstd"] as const) {
        assert.deepEqual(await stage.answer("py.echo", [text], { compression }), { args: [text], kwargs: {} });
      }
    },
  },
  {
    name: "compression: zlib, brotli and zstd are unpacked",
    direction: "Python → TypeScript",
    async run({ python }) {
      for (const method of ["zlib", "brotli", "zstd"]) {
        const call = "send('ts.echo', ('é' * 5000,), compression=given).get(timeout=100)['args'] == ['é' * 5000]";
        assert.equal(await python.run(call, method), true, method);
      }
    },
  },
  {
    name: "compression: bzip2 and lzma are refused with a reason",
    direction: "Python → TypeScript",
    async run(stage) {
      for (const method of ["bzip2", "lzma"]) {
        const id = randomUUID();
        const call = "send('ts.echo', ('x' * 5000,), compression=given[0], task_id=given[1]).get(timeout=100)";
        await assert.rejects(stage.python.run(call, [method, id]), {
          type: "kombu.exceptions.ContentDisallowed",
          text: /compressed as/,
        });
        assert.equal((await letterOf(stage, ({ id: of }) => of === id)).reason, "refused-content");
      }
      await livesOn(stage);
    },
  },
  {
    name: "pickle, yaml and msgpack are refused with a reason",
    direction: "Python → TypeScript",
    async run(stage) {
      for (const serializer of ["pickle", "yaml", "msgpack"]) {
        const id = randomUUID();
        const call = "send('ts.add', (1, 2), serializer=given[0], task_id=given[1]).get(timeout=100)";
        await assert.rejects(stage.python.run(call, [serializer, id]), {
          type: "kombu.exceptions.ContentDisallowed",
          text: /only application\/json is read/,
        });
        assert.equal((await letterOf(stage, ({ id: of }) => of === id)).reason, "refused-content");
      }
      await livesOn(stage);
    },
  },
  {
    name: "a pickled result is an error, not a wait",
    direction: "TypeScript → Python",
    on: ["redis", "rabbitmq"],
    async run(stage) {
      const queue = stage.fresh("pickled");
      const settings = {
        result_serializer: "pickle",
        accept_content: ["json", "pickle"],
        result_accept_content: ["pickle"],
      };
      await stage.pythonWorker(queue, settings, "-P", "solo");
      await assert.rejects(stage.answer("py.add", [1, 2], { queue }), { code: "MESSAGE_UNDECODABLE" });
    },
  },
  {
    name: "NotRegistered",
    direction: "TypeScript → Python",
    async run(stage) {
      await assert.rejects(stage.answer("py.nothing", [1]), {
        type: "NotRegistered",
        module: "celery.exceptions",
        args: ["py.nothing"],
      });
    },
  },
  {
    name: "NotRegistered",
    direction: "Python → TypeScript",
    async run(stage) {
      const id = randomUUID();
      await assert.rejects(stage.python.run("send('ts.nothing', (1,), task_id=given).get(timeout=100)", id), {
        type: "celery.exceptions.NotRegistered",
        args: ["ts.nothing"],
      });
      assert.equal((await letterOf(stage, ({ id: of }) => of === id)).reason, "unknown-task");
    },
  },
  {
    name: "unknown messages: a caller that can be told is told",
    direction: "Python → TypeScript",
    async run(stage) {
      const broken: readonly (readonly [body: string, headers: Readonly<Record<string, unknown>>])[] = [
        ["[[1, 2], {}]", {}], // two elements
        ["[[1, 2, {}", {}], // no JSON
        ['"text"', {}],
        ["[[1, 2], [], {}]", {}], // kwargs that are none
        ["[[1, 2], {}, {}]", { eta: "tomorrow" }],
        ["[[1, 2], {}, {}]", { timelimit: "soon" }],
      ];
      for (const [body, more] of broken) {
        const id = randomUUID();
        await put(stage, { body, headers: { task: "ts.add", id, ...more } });
        await assert.rejects(stage.python.run("app.AsyncResult(given).get(timeout=100)", id), {
          name: "PythonError",
          type: /^(?!celery.exceptions.TimeoutError)/,
        });
        assert.equal((await letterOf(stage, ({ id: of }) => of === id)).reason, "undecodable", body);
      }
      await livesOn(stage);
    },
    on: ["redis", "rabbitmq"],
  },
  {
    name: "unknown messages: all others are kept as dead letters",
    direction: "Python → TypeScript",
    async run(stage) {
      const version1 = { task: "ts.add", id: randomUUID(), args: [1, 2], kwargs: {}, retries: 0, utc: true };
      const broken: readonly (readonly [reason: DeadLetter["reason"], message: Published])[] = [
        ["refused-content", { body: JSON.stringify(version1), headers: {} }], // protocol 1
        ["undecodable", { body: "[[1, 2], {}, {}]", headers: {} }],
        ["undecodable", { body: "[[1, 2], {}, {}]", headers: { task: "ts.add" } }],
        ["undecodable", { body: "[[1, 2], {}, {}]", headers: { task: "ts.add", id: "" } }],
        ["undecodable", { body: "hello", headers: {}, content_type: "text/plain" }],
        ["unknown-task", { body: "[[1, 2], {}, {}]", headers: { task: "\u0000", id: randomUUID() } }],
      ];
      for (const [reason, message] of broken) {
        const before = new Set((await letters(stage)).map(({ key }) => key));
        await put(stage, message);
        const letter = await letterOf(stage, ({ key }) => !before.has(key));
        assert.equal(letter.reason, reason, JSON.stringify(message));
      }
      await livesOn(stage);
    },
  },
  {
    name: "unknown messages: list elements that are no envelope",
    direction: "Python → TypeScript",
    on: ["redis"],
    async run(stage) {
      for (const element of [
        "garbage",
        "{}",
        "[1, 2",
        '{"body": 1, "headers": []}',
        '{"headers": {"task": "ts.add", "id": "x"}}',
      ]) {
        const before = new Set((await letters(stage)).map(({ key }) => key));
        await stage.redis.cli("LPUSH", "ts", element);
        assert.equal((await letterOf(stage, ({ key }) => !before.has(key))).reason, "undecodable", element);
      }
      await livesOn(stage);
    },
  },
  {
    name: "unknown messages: a tag that nobody knows stays what it is",
    direction: "Python → TypeScript",
    async run({ python }) {
      const kinds = await python.run("send('ts.kinds', ({'__type__': 'mystery', '__value__': 1},)).get(timeout=100)");
      assert.deepEqual(kinds, ["{ __type__: 'mystery', __value__: 1 }"]);
    },
  },
  {
    name: "what the message says of itself",
    direction: "TypeScript → Python",
    async run(stage) {
      const sent = await stage.call("py.facts", ["a"], { priority: 3 });
      const told = await sent.get({ timeout: patience });
      const { id, root_id, parent_id, correlation_id, priority, redelivered, routing_key, args } = told as Said;
      assert.deepEqual(
        // Headers that say nothing new are left out here, and the root of a call that nothing led to is itself.
        { id, root_id: root_id ?? id, parent_id, correlation_id, priority, redelivered, routing_key, args },
        {
          id: sent.id,
          root_id: sent.id,
          parent_id: null,
          correlation_id: sent.id,
          priority: 3,
          redelivered: false,
          routing_key: "py",
          args: ["a"],
        },
      );
    },
  },
  {
    name: "what the message says of itself",
    direction: "Python → TypeScript",
    async run({ python }) {
      const told = await python.run(
        "call = send('ts.facts', priority=3, shadow='seen'); call.get(timeout=100)['request']",
      );
      const [id, replyTo] = (await python.run("[call.id, app.thread_oid]")) as string[];
      const { root, correlationId, retries, priority, redelivered, shadow, ...rest } = told as Said;
      assert.deepEqual(
        { root, correlationId, retries, priority, redelivered, shadow, replyTo: rest["replyTo"] },
        { root: id, correlationId: id, retries: 0, priority: 3, redelivered: false, shadow: "seen", replyTo },
      );
    },
  },
  {
    name: "custom headers",
    direction: "TypeScript → Python",
    async run(stage) {
      const headers = { "x-tenant": "é", "x-count": 5_000_000_000, "x-deep": { list: [1, null, true] } };
      const told = await stage.answer<{ headers: unknown }>("py.facts", [], { headers });
      assert.deepEqual(told.headers, headers);
    },
  },
  {
    name: "custom headers",
    direction: "Python → TypeScript",
    async run({ python }) {
      const headers = { "x-tenant": "é", "x-count": 5_000_000_000, "x-deep": { list: [1, null, true] } };
      const told = await python.run("send('ts.facts', headers=given).get(timeout=100)['headers']", headers);
      assert.deepEqual(told, headers);
    },
  },
];

async function put(stage: Stage, message: Published): Promise<void> {
  await stage.python.run(publish, message);
}

async function letters(stage: Stage): Promise<readonly DeadLetter[]> {
  return (await stage.app.dead.list({}, undefined, 200)).items;
}

async function letterOf(stage: Stage, fits: (letter: DeadLetter) => boolean): Promise<DeadLetter> {
  let found: DeadLetter | undefined;
  await stage.until("the dead letter", async () => (found = (await letters(stage)).find(fits)) !== undefined);
  return found as DeadLetter;
}

async function livesOn(stage: Stage): Promise<void> {
  assert.equal(await stage.python.run("send('ts.add', (1, 2)).get(timeout=100)"), 3);
}
