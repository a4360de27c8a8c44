/** What the compiler knows of calls that go with a transaction: as of `app.enqueue`, what still needs an input is refused. */

import {
  type App,
  type AsyncResult,
  createApp,
  group,
  type GroupResult,
  type SqliteConnection,
  type Within,
} from "celeriac";
import type { Outbox, Query } from "celeriac/outbox";
import type { DatabaseSync } from "node:sqlite";
import { expectTypeOf, it } from "vitest";

const app: App = createApp({ broker: "memory:types" });
const double = app.task("double", (n: number) => n * 2);
declare const queue: Within;
declare const outbox: Outbox;
declare const query: Query;

it("gives the handle of what was enqueued within, at once", () => {
  expectTypeOf<DatabaseSync>().toExtend<SqliteConnection>();
  expectTypeOf(() => queue.enqueue(double.si(1))).returns.toEqualTypeOf<AsyncResult<number>>();
  expectTypeOf(() => queue.enqueue(group([double.si(1), double.si(2)]))).returns.toExtend<
    GroupResult<readonly number[]>
  >();
  // @ts-expect-error -- it still needs a number
  expectTypeOf(() => queue.enqueue(double.s())).toBeFunction();
});

it("gives the handle of what was written into an outbox", () => {
  expectTypeOf(() => outbox.add(query, double.si(1))).returns.toEqualTypeOf<Promise<AsyncResult<number>>>();
  // @ts-expect-error -- it still needs a number
  expectTypeOf(() => outbox.add(query, double.s())).toBeFunction();
});
