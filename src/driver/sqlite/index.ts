/**
 * The embedded driver: one SQLite file is queue, results, checkpoints, leadership, shared facts and limits; a second one beside it is the bus. For all
 * processes of one machine; refuses network file systems. Its work is done on a thread of its own.
 */

import type { BackendOptions, FullBackend } from "../../port/backend.ts";
import type { OpenWithin } from "../../port/within.ts";
import type { Warning } from "../../port/units.ts";
import { SqliteBroker } from "./broker.ts";
import { SqliteBus } from "./bus.ts";
import { SqliteControlState } from "./control-state.ts";
import { SqliteLease } from "./lease.ts";
import { SqliteLimits } from "./limits.ts";
import { examine } from "./examination.ts";
import { Link } from "./link.ts";
import { parseLocation } from "./location.ts";
import { SqliteStore } from "./store.ts";
import { UserSql } from "./user-sql.ts";
import { Within } from "./within.ts";

/** Longest wait for a lock of another process, ms; a shorter `commandTimeout` makes it shorter. */
const busyLimit = 5_000;

/** What tests can do to it besides. */
export interface SqliteBackend extends FullBackend {
  /** Ends the driver as a crash would: leases stay, nothing is given back. */
  kill(): Promise<void>;
}

export const open: (options: BackendOptions) => SqliteBackend = (options) => {
  const { path, durability, embed, maxSize, thread } = parseLocation(options.url);
  const { maxDepth, maxMessageBytes, commandTimeout, clock } = options;
  const engine = { path, durability, embed, maxDepth, maxSize, busyLimit: Math.min(busyLimit, commandTimeout) };
  const link = new Link(engine, thread, clock);
  const store = new SqliteStore(link);
  const broker = new SqliteBroker(link, store, { maxDepth, maxSize, maxMessageBytes });
  const bus = new SqliteBus(link, clock);
  link.addTaker({
    claimed: (notice) => broker.claimed(notice),
    lost: (notice) => broker.lost(notice),
    event: (notice) => broker.event(notice),
    state: (notice) => store.state(notice),
    heard: (notice) => bus.heard(notice),
    ended: (error) => {
      broker.ended(error);
      store.ended(error);
      bus.ended();
    },
  });
  return {
    broker,
    store,
    bus,
    lease: new SqliteLease(link, maxMessageBytes),
    control: new SqliteControlState(link),
    limits: new SqliteLimits(link),
    open(signal): Promise<readonly Warning[]> {
      signal.throwIfAborted();
      return link.open();
    },
    examine: async () => examine(path, durability),
    close: () => link.close(),
    kill: () => link.kill(),
  };
};

export const within: OpenWithin = ({ url, clock, maxDepth, maxMessageBytes }, connection) => {
  const { path, embed, maxSize } = parseLocation(url);
  const sql = new UserSql(connection);
  return {
    sharesLocks: sql.isOurLibrary,
    open: () => new Within(sql, { path, embed, clock, maxDepth, maxSize, maxMessageBytes }),
  };
};
