/** Nothing was ever seen: what to do to see a first task run. */

import { Empty } from "../../part/bits.tsx";

const app = `// app.ts
import { createApp } from "celeriac";

export const app = createApp({ name: "shop", broker: "redis://localhost:6379" });
export const add = app.task("add", ({ a, b }: { a: number; b: number }) => a + b);`;

export function FirstSteps({ workers }: { readonly workers: number }) {
  return (
    <div className="flex max-w-2xl flex-col gap-3">
      <Empty
        title={workers === 0 ? "No task and no worker was seen yet" : "A worker is here, and no task was seen yet"}
      >
        This page fills by itself as soon as something happens.
      </Empty>
      <Empty title="An app with a task" code={app} />
      {workers === 0 ? <Empty title="A worker" code="celeriac worker -A ./app.ts" /> : null}
      <Empty title="A task for it" code={`celeriac call -A ./app.ts add --kwargs '{"a": 2, "b": 40}'`} />
    </div>
  );
}
