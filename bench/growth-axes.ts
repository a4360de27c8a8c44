/** Along what the cost of a task is followed, from the smallest size to the largest, and how many tasks each size gets. */

/** How a round is laid out. What an axis leaves open is as in the other measurements. */
export interface Layout {
  /** Measured; about as many more run before, so that every process is warm. */
  readonly tasks: number;
  readonly warmup: number;
  /** Waiting at any time of the round. `undefined`: what is to run, and no more. */
  readonly backlog?: number;
  readonly bytes: number;
  /** Tasks that a worker has at once. */
  readonly slots: number;
  readonly workers: number;
  readonly queues?: number;
}

export interface Axis {
  readonly name: string;
  readonly title: string;
  /** Of the sizes, under the plot and over the table. */
  readonly label: string;
  readonly sizes: readonly number[];
  readonly short: readonly number[];
  /** `byte`: a task may cost more as it grows, a byte may not. */
  readonly flat: "task" | "byte";
  readonly layout: (size: number, tasks: number) => Layout;
}

/** A process that has run fewer is still being compiled, and each counts. */
const warmPerWorker = 0.25;

const plain = (tasks: number): Layout => ({ tasks, warmup: tasks, bytes: 100, slots: 100, workers: 1 });

export const axes: readonly Axis[] = [
  {
    name: "backlog",
    title: "A task beside a growing backlog",
    label: "tasks that wait",
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    short: [1_000, 10_000, 50_000],
    flat: "task",
    layout: (size, tasks) => ({ ...plain(tasks), backlog: size }),
  },
  {
    name: "payload",
    title: "A task with a growing payload",
    label: "bytes of the payload",
    sizes: [10, 100, 1_000, 10_000, 100_000, 1_000_000],
    short: [10, 1_000, 100_000],
    flat: "byte",
    layout(size, tasks) {
      // As many bytes as the smallest ones have in all would be seconds of work; 4 kB times the tasks are.
      const some = Math.max(40, Math.min(tasks, Math.round((tasks * 4_000) / size)));
      return { ...plain(some), bytes: size, warmup: Math.max(some, 200) };
    },
  },
  {
    name: "slots",
    title: "A task on a worker with more slots",
    label: "tasks at once",
    sizes: [1, 10, 100, 1_000],
    short: [1, 10, 100],
    flat: "task",
    layout(size, tasks) {
      // One at a time takes a round trip each.
      const some = size === 1 ? Math.round(tasks / 4) : tasks;
      return { ...plain(some), slots: size, warmup: Math.max(some, 4 * size) };
    },
  },
  {
    name: "workers",
    title: "A task among more worker processes",
    label: "worker processes, 100 slots each",
    sizes: [1, 2, 4, 8, 16],
    short: [1, 2, 4],
    flat: "task",
    layout: (size, tasks) => ({
      ...plain(tasks),
      workers: size,
      warmup: Math.max(tasks, Math.round(size * tasks * warmPerWorker)),
    }),
  },
  {
    name: "queues",
    title: "A task among more queues",
    label: "queues that one worker takes from",
    sizes: [1, 10, 100],
    short: [1, 10, 30],
    flat: "task",
    layout: (size, tasks) => ({ ...plain(tasks), queues: size }),
  },
];
