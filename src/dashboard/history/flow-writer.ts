/**
 * Which workflow a task belongs to. A workflow has many names, and what shares one is one workflow: the ids of roots, and the ids of groups,
 * whose members Celery makes roots of their own when nobody's task has sent them. So a chord's body, whose root is the member that was the
 * last, is of its chord's workflow. Names may be told of in any order: workflows that turn out to be one are put together.
 */

import type { PlannedStep } from "../../event/planned.ts";
import type { Database } from "./database.ts";
import { idOf, keyOf, type TaskRecord } from "./record.ts";
import type { Words } from "./words.ts";

/** Names in memory. */
const mostKnown = 20_000;

export class FlowWriter {
  readonly #database: Database;
  readonly #words: Words;
  /** The task stands in a workflow from now on. */
  readonly #adopted: (id: string) => void;
  readonly #known = new Map<string, number>();
  readonly #planned = new Set<string>();

  constructor(database: Database, words: Words, adopted: (id: string) => void) {
    this.#database = database;
    this.#words = words;
    this.#adopted = adopted;
  }

  /** `null`: it is a task by itself, as far as is known. `changed`: when it came into its state. */
  flowOf(record: TaskRecord, changed: number, planned: readonly PlannedStep[]): number | null {
    // Others may have named it before it was heard of itself.
    if (record.row === 0 && this.#find(record.id) !== undefined) record.inFlow = true;
    const names = namesOf(record, planned.length > 0);
    const [first] = names;
    if (first === undefined) return null;
    const known = names.map((name) => [name, this.#find(name)] as const);
    const flows = [...new Set(known.flatMap(([, flow]) => flow ?? []))].toSorted((a, b) => a - b);
    const [flow = this.#create(first, record.life.seen, changed), ...others] = flows;
    for (const other of others) this.#merge(other, flow);
    for (const [name, found] of known) if (found === undefined) this.#name(name, flow);
    const { seen } = record.life;
    this.#query("UPDATE flow SET changed = max(changed, ?), seen = min(seen, ?) WHERE id = ?").run(changed, seen, flow);
    for (const step of planned) this.#plan(step, flow, seen);
    return flow;
  }

  /** After a roll-back or a sweep. */
  forget(): void {
    this.#known.clear();
    this.#planned.clear();
  }

  #find(name: string): number | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const row = this.#query("SELECT flow FROM flow_name WHERE name = ?").get(keyOf(name));
    if (row === undefined) return undefined;
    this.#keep(name, row[0] as number);
    return row[0] as number;
  }

  #create(name: string, seen: number, changed: number): number {
    return this.#query("INSERT INTO flow (root, seen, changed) VALUES (?, ?, ?)").insert(keyOf(name), seen, changed);
  }

  /** Whose name it is belongs there, too. */
  #name(name: string, flow: number): void {
    this.#query("INSERT OR IGNORE INTO flow_name (name, flow) VALUES (?, ?)").run(keyOf(name), flow);
    if (this.#query("UPDATE task SET flow = ? WHERE uuid = ? AND flow IS NULL").run(flow, keyOf(name)) > 0)
      this.#adopted(name);
    this.#keep(name, flow);
  }

  #merge(other: number, flow: number): void {
    const row = this.#query("SELECT seen, changed FROM flow WHERE id = ?").get(other);
    for (const [name] of this.#query("SELECT name FROM flow_name WHERE flow = ?").all(other))
      this.#keep(idOf(name as Uint8Array | string), flow);
    for (const table of ["task", "flow_name", "planned"])
      this.#query(`UPDATE ${table} SET flow = ? WHERE flow = ?`).run(flow, other);
    this.#query("DELETE FROM flow WHERE id = ?").run(other);
    const [seen, changed] = (row ?? [Infinity, 0]) as readonly [number, number];
    this.#query("UPDATE flow SET changed = max(changed, ?), seen = min(seen, ?) WHERE id = ?").run(changed, seen, flow);
  }

  #plan({ id, name, after, joins, group }: PlannedStep, flow: number, at: number): void {
    if (this.#planned.has(id)) return;
    if (this.#planned.size >= mostKnown) this.#planned.clear();
    this.#planned.add(id);
    this.#query("INSERT OR IGNORE INTO planned (id, flow, name, at, place) VALUES (?, ?, ?, ?, ?)").run(
      keyOf(id),
      flow,
      this.#words.number(name),
      at,
      JSON.stringify({ after, joins, group }),
    );
  }

  #keep(name: string, flow: number): void {
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(name, flow);
  }

  #query(text: string): ReturnType<Database["query"]> {
    return this.#database.query(text);
  }
}

/** The first names a new workflow. */
function namesOf(record: TaskRecord, plans: boolean): readonly string[] {
  const [root, group] = [record.fact("root"), record.fact("group")];
  const apart = root !== undefined && root !== record.id ? root : undefined;
  // Its own root: what it sends will name it.
  const own = apart === undefined && (group !== undefined || plans || record.inFlow) ? record.id : undefined;
  return [apart, group, own].filter((name) => name !== undefined);
}
