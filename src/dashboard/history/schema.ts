/**
 * The history's own tables. A task is one row with its steps, and what it was before (closed stretches) lies in `past`, so that "as of
 * then" is a few range scans: the open stretch of a task is in its row, and a closed one is found by its length: those of level L lasted
 * [2^L, 2^(L+1)) ms, so they cover a moment T only if they began after T - 2^(L+1).
 */

import type { TaskState } from "../contract.ts";

/** "Cele" with the high bits of a history of its own, so that it is never taken for a queue file. */
export const applicationId = 0x43_65_48_69;
export const schemaVersion = 4;
/** Workflows by each name that they have: of a root, of a group; and what is to be sent in them. */
const flows = `
CREATE TABLE flow_name (name BLOB PRIMARY KEY, flow INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX flow_name_flow ON flow_name (flow);
CREATE TABLE planned (
  id BLOB PRIMARY KEY, flow INTEGER NOT NULL, name INTEGER NOT NULL, at INTEGER NOT NULL, place TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX planned_flow ON planned (flow);
`;
/** A task told its root by its workflow until version 2, and tells it in its `life` since. Ids that are UUIDs are kept as 16 bytes. */
const ownRoots = `
UPDATE task SET life = json_set(life, '$.r', (
  SELECT CASE typeof(root) WHEN 'blob' THEN lower(
    substr(hex(root), 1, 8) || '-' || substr(hex(root), 9, 4) || '-' || substr(hex(root), 13, 4) || '-' ||
    substr(hex(root), 17, 4) || '-' || substr(hex(root), 21)
  ) ELSE root END FROM flow WHERE flow.id = task.flow
)) WHERE flow IS NOT NULL AND (SELECT root FROM flow WHERE flow.id = task.flow) NOT IN (uuid, ifnull(grp, x''));
`;
/** How full it was; queue 0: all of them. Ages in ms. */
const levels = `
CREATE TABLE level (
  step INTEGER, queue INTEGER, bucket INTEGER,
  depth INTEGER NOT NULL, oldest INTEGER NOT NULL, running INTEGER NOT NULL, workers INTEGER,
  PRIMARY KEY (step, queue, bucket)
) WITHOUT ROWID;
`;
/** What makes a file of one version one of the next: the first is from 1 to 2. */
export const upgrades: readonly string[] = [
  "ALTER TABLE tick ADD COLUMN outcome TEXT; ALTER TABLE tick ADD COLUMN why TEXT;",
  `${flows} INSERT INTO flow_name SELECT root, id FROM flow; ${ownRoots}`,
  levels,
];

/** Stored by number: new ones go behind the last. */
export const states: readonly TaskState[] = [
  "queued",
  "delayed",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "revoked",
  "dead",
];
const numbers: ReadonlyMap<TaskState, number> = new Map(states.map((state, index) => [state, index]));
export const stateNumber = (state: TaskState): number => numbers.get(state) ?? 0;
export const stateNamed = (number: number): TaskState => states[number] ?? "queued";

/** Of a closed stretch, by its length in ms. */
export const levelOf = (length: number): number => Math.floor(Math.log2(Math.max(1, length)));

export const schema: string = `
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,    -- 16 bytes; the text of an id that is no UUID
  name INTEGER NOT NULL,        -- words; 0: unknown
  queue INTEGER NOT NULL,
  worker INTEGER NOT NULL,
  state INTEGER NOT NULL,
  since INTEGER NOT NULL,       -- of the open stretch; may lie in the future (a delay)
  fault INTEGER,                -- word of its error, alike ones put together
  flow INTEGER,                 -- its workflow
  parent BLOB,
  grp BLOB,
  cut INTEGER NOT NULL DEFAULT 0, -- log lines that are kept no more
  life TEXT NOT NULL,           -- steps and stamps, see record.ts
  args TEXT, kwargs TEXT, result TEXT, error TEXT, trace TEXT
);
CREATE INDEX task_state ON task (state, since);
CREATE INDEX task_name ON task (name, state, since);
CREATE INDEX task_queue ON task (queue, state, since);
CREATE INDEX task_worker ON task (worker, state, since);
CREATE INDEX task_fault ON task (since, name, fault) WHERE fault IS NOT NULL;
CREATE INDEX task_flow ON task (flow, state) WHERE flow IS NOT NULL;
CREATE INDEX task_parent ON task (parent) WHERE parent IS NOT NULL;
CREATE TABLE past (
  level INTEGER, start INTEGER, task INTEGER,
  until INTEGER NOT NULL, state INTEGER NOT NULL, name INTEGER NOT NULL, queue INTEGER NOT NULL, worker INTEGER NOT NULL,
  PRIMARY KEY (level, start, task)
) WITHOUT ROWID;
CREATE TABLE log (
  task INTEGER, at INTEGER, clock INTEGER, hash INTEGER,
  level TEXT NOT NULL, attempt INTEGER, text TEXT NOT NULL, fields TEXT,
  PRIMARY KEY (task, at, clock, hash)
) WITHOUT ROWID;
CREATE TABLE flow (id INTEGER PRIMARY KEY, root BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL, changed INTEGER NOT NULL);
CREATE INDEX flow_changed ON flow (changed);
${flows}
CREATE TABLE tally (
  step INTEGER, bucket INTEGER, dim INTEGER, key INTEGER, data TEXT NOT NULL,
  PRIMARY KEY (step, bucket, dim, key)
) WITHOUT ROWID;
${levels.trim()}
CREATE TABLE shift (                -- one life of a worker
  worker INTEGER, start INTEGER,
  last INTEGER NOT NULL, until INTEGER NOT NULL, pid INTEGER, clean INTEGER NOT NULL, software TEXT, system TEXT,
  PRIMARY KEY (worker, start)
) WITHOUT ROWID;
CREATE TABLE sample (worker INTEGER, at INTEGER, data TEXT NOT NULL, PRIMARY KEY (worker, at)) WITHOUT ROWID;
CREATE TABLE incident (
  worker INTEGER, at INTEGER, kind TEXT, pid INTEGER, text TEXT NOT NULL,
  PRIMARY KEY (worker, at, kind, pid)
) WITHOUT ROWID;
CREATE TABLE tick (
  schedule INTEGER, tick INTEGER, uuid BLOB, sent INTEGER NOT NULL, outcome TEXT, why TEXT,
  PRIMARY KEY (schedule, tick, uuid)
) WITHOUT ROWID;
CREATE TABLE gap (start INTEGER PRIMARY KEY, until INTEGER NOT NULL, why TEXT NOT NULL, missed INTEGER);
CREATE TABLE fact (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;
