/**
 * The tables of the queue file and of the bus file. Times: `due`, `until`, `at`, `created`, `started` are unix milliseconds;
 * `lease` and `celeriac_term.until` are milliseconds of the machine's monotonic clock and end with the boot that is in `meta`.
 */

/** Kept in `celeriac_meta` under "schema", and in `user_version` of files that are wholly ours. */
export const schemaVersion: number = 1;

/** `PRAGMA application_id` of files that are wholly ours: "clrc". */
export const applicationId = 0x636c7263;

/** Ready, waiting for its due time, or held by a consumer. */
export const taskState = { ready: 0, delayed: 1, leased: 2 } as const;

/**
 * A body that would not fit a page beside its head lies in `celeriac_large`: every claim, renewal and start rewrites the row
 * of the task, and must not rewrite a megabyte with it.
 */
export const inlineBytes: number = 2000;

export const queueSchema: string = `
CREATE TABLE celeriac_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE celeriac_queue (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0);

-- seq: the order within a priority; AUTOINCREMENT, so that a number is never used again.
-- prio: low first. owner: celeriac_process.no. blame: 1 if a death counts as a sure crash. noted: has celeriac_attempt rows.
-- head '': the body is a whole envelope, as it came.
CREATE TABLE celeriac_task (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL, task TEXT NOT NULL, queue INTEGER NOT NULL, prio INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER, lease INTEGER, owner INTEGER, fence INTEGER NOT NULL DEFAULT 0, started INTEGER,
  blame INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, suspicions INTEGER NOT NULL DEFAULT 0,
  redelivered INTEGER NOT NULL DEFAULT 0, noted INTEGER NOT NULL DEFAULT 0, large INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL, head TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX celeriac_ready ON celeriac_task(queue, prio, seq) WHERE state = 0;
CREATE INDEX celeriac_due ON celeriac_task(due, queue) WHERE state = 1;
CREATE INDEX celeriac_lease ON celeriac_task(lease, owner) WHERE state = 2;
CREATE INDEX celeriac_id ON celeriac_task(id);
CREATE TABLE celeriac_large (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE celeriac_seen (id TEXT PRIMARY KEY, nonce TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX celeriac_seen_until ON celeriac_seen(until);
CREATE TABLE celeriac_result (id TEXT PRIMARY KEY, state TEXT NOT NULL, final INTEGER NOT NULL, fence INTEGER NOT NULL,
  until INTEGER, meta BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX celeriac_result_until ON celeriac_result(until);
CREATE TABLE celeriac_point (id TEXT, name TEXT, fence INTEGER NOT NULL, value BLOB NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (id, name)) WITHOUT ROWID;
CREATE INDEX celeriac_point_until ON celeriac_point(until);
CREATE TABLE celeriac_dead (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, task TEXT, queue INTEGER NOT NULL, prio INTEGER NOT NULL,
  reason TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL, attempts TEXT NOT NULL, head TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE celeriac_attempt (id TEXT, n INTEGER, record TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (id, n)) WITHOUT ROWID;
CREATE INDEX celeriac_attempt_at ON celeriac_attempt(at);

-- One row for each consumer and each listening process; bell: the suffix of the file that wakes it.
CREATE TABLE celeriac_process (no INTEGER PRIMARY KEY AUTOINCREMENT, worker TEXT NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL,
  ns TEXT NOT NULL, boot TEXT NOT NULL, bell TEXT NOT NULL, beat INTEGER NOT NULL);
CREATE TABLE celeriac_idle (queue INTEGER, process INTEGER, PRIMARY KEY (queue, process)) WITHOUT ROWID;
CREATE TABLE celeriac_term (name TEXT PRIMARY KEY, holder TEXT NOT NULL, term INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE celeriac_fired (name TEXT, tick INTEGER, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (name, tick)) WITHOUT ROWID;
INSERT INTO celeriac_meta VALUES ('schema', ${schemaVersion}), ('fence', 0), ('boot', '');
`;

/**
 * Made at every opening where they are missing: files of the same version lack them if they were made before this driver could be a
 * ledger for another broker, and whoever does not know them does without.
 *
 * celeriac_start.until is NULL while the id has a row in celeriac_hold. copy: names the copy of it that was given back.
 * message: the id of the message that it began with.
 */
export const ledgerSchema = `
CREATE TABLE IF NOT EXISTS celeriac_start (id TEXT PRIMARY KEY, state INTEGER NOT NULL, fence INTEGER NOT NULL, attempt INTEGER NOT NULL,
  sure INTEGER NOT NULL, nonce TEXT NOT NULL, crashes INTEGER NOT NULL, suspicions INTEGER NOT NULL, copy TEXT, until INTEGER, message TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_start_until ON celeriac_start(until);
CREATE TABLE IF NOT EXISTS celeriac_hold (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, broker TEXT NOT NULL, queue TEXT NOT NULL, lease INTEGER NOT NULL,
  raw BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS celeriac_hold_lease ON celeriac_hold(broker, lease);
`;

/**
 * For schedules, as late as `ledgerSchema`. celeriac_fired.at grows within a schedule, whatever the clock does; what was dropped is older
 * than the last row of celeriac_dropped says. celeriac_fact.value is NULL for a deletion, told until `until`; its versions are counted in
 * `meta` under "facts", and "facts-forgotten" is the last of a deletion that nobody is told of any more.
 */
export const scheduleSchema = `
CREATE INDEX IF NOT EXISTS celeriac_fired_order ON celeriac_fired(name, at);
CREATE TABLE IF NOT EXISTS celeriac_begun (name TEXT, tick INTEGER, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (name, tick)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS celeriac_dropped (name TEXT PRIMARY KEY, tick INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS celeriac_fact (kind TEXT, key TEXT, value TEXT, until INTEGER, version INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_fact_version ON celeriac_fact(version);
CREATE INDEX IF NOT EXISTS celeriac_fact_until ON celeriac_fact(until);
`;

/**
 * Made where they are missing, as those of the ledger are. celeriac_join.grp is NULL where the row only waits to be removed, with its members,
 * piece by piece. state: 0 filling, 1 full, 2 closed. size: NULL until it is opened. kept: has a row in celeriac_join_body, apart from this one,
 * which every arrival rewrites. celeriac_grown: members that were announced later. look: since when somebody should look after it, milliseconds of the monotonic clock.
 */
export const joinSchema = `
CREATE TABLE IF NOT EXISTS celeriac_join (no INTEGER PRIMARY KEY, grp TEXT UNIQUE, size INTEGER, arrived INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, look INTEGER, until INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS celeriac_join_until ON celeriac_join(until);
CREATE INDEX IF NOT EXISTS celeriac_join_look ON celeriac_join(look) WHERE look IS NOT NULL;
CREATE TABLE IF NOT EXISTS celeriac_join_body (no INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS celeriac_member (grp INTEGER, idx INTEGER, member TEXT NOT NULL, state TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (grp, idx, member)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS celeriac_grown (grp INTEGER, member TEXT, PRIMARY KEY (grp, member)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS celeriac_group (id TEXT PRIMARY KEY, meta BLOB NOT NULL, until INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_group_until ON celeriac_group(until);
`;

/**
 * Made where they are missing. celeriac_bucket."full", promised and celeriac_place.ends are milliseconds of the monotonic clock, with
 * fractions; until: unix milliseconds, when the row is of no more use.
 */
export const limitSchema = `
CREATE TABLE IF NOT EXISTS celeriac_bucket (key TEXT PRIMARY KEY, interval REAL NOT NULL, burst REAL NOT NULL, "full" REAL NOT NULL,
  promised REAL NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_bucket_until ON celeriac_bucket(until);
CREATE TABLE IF NOT EXISTS celeriac_place (key TEXT, holder TEXT, ends REAL NOT NULL, lease REAL NOT NULL, claim TEXT NOT NULL,
  until INTEGER NOT NULL, PRIMARY KEY (key, holder)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_place_until ON celeriac_place(until);
CREATE TABLE IF NOT EXISTS celeriac_line (key TEXT, no INTEGER, id TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (key, no)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS celeriac_line_id ON celeriac_line(key, id);
CREATE INDEX IF NOT EXISTS celeriac_line_until ON celeriac_line(until);
`;

/** Made where they are missing. One row for each key that calls have, see `port/call-law.ts`; its times are unix milliseconds. */
export const callSchema = `
CREATE TABLE IF NOT EXISTS celeriac_call (queue TEXT, key TEXT, id TEXT NOT NULL, begun INTEGER NOT NULL, first INTEGER NOT NULL, free INTEGER,
  next TEXT, until INTEGER NOT NULL, PRIMARY KEY (queue, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_call_until ON celeriac_call(until);
`;

/** Made where it is missing: the last turn of each key in the lines where keys take turns. */
export const fairSchema = `
CREATE TABLE IF NOT EXISTS celeriac_turn (queue INTEGER, key TEXT, turn INTEGER NOT NULL, PRIMARY KEY (queue, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS celeriac_turn_order ON celeriac_turn(queue, turn);
`;

export const busSchema = `
CREATE TABLE IF NOT EXISTS bus (seq INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, at INTEGER NOT NULL, message BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS listener (no INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, bell TEXT NOT NULL, beat INTEGER NOT NULL);
`;
