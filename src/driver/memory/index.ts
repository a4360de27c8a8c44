/**
 * The memory driver: every port, in this process. `memory:` is a server of one's own; all who open `memory:name` share one until
 * the last of them closes. For tests, and the model that the other drivers are read against; it keeps nothing on disk.
 */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { BackendOptions, FullBackend, OpenBackend } from "../../port/backend.ts";
import { MemoryBackend } from "./backend.ts";
import { MemoryServer } from "./server.ts";

/**
 * The network, as it were: a name must lead two apps that know nothing of each other to one server, so this is the one place with
 * state of its own. An entry lives as long as it has clients, as SQLite's shared in-memory databases do: no test finds the
 * leftovers of another, and nothing leaks.
 */
const servers = new Map<string, { readonly server: MemoryServer; clients: number }>();

export const open: OpenBackend<FullBackend> = (options: BackendOptions): FullBackend => {
  const name = options.url.host + options.url.pathname;
  if (name === "") return new MemoryBackend(new MemoryServer(options.clock), options);
  // A prefix keeps two apps apart on one server, as it does on Redis.
  const key = `${options.keyPrefix}\n${name}`;
  const entry = servers.get(key) ?? { server: new MemoryServer(options.clock), clients: 0 };
  ensureSameClock(entry.server.clock, options);
  servers.set(key, entry);
  entry.clients += 1;
  return new MemoryBackend(entry.server, options, () => {
    entry.clients -= 1;
    if (entry.clients === 0) servers.delete(key);
  });
};

function ensureSameClock(clock: Clock, options: BackendOptions): void {
  if (clock === options.clock) return;
  throw new CeleriacError(
    "CONFIG_INVALID",
    `${options.url.href} is open already with another clock, and one server cannot keep two times; give both apps the same clock, or this one another name`,
  );
}
