/** What a broker holds that will not go away by itself: members of keys, rows of tables, queues and connections, by name. */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { RabbitServer } from "../server/rabbitmq-server.ts";
import type { RedisServer } from "../server/redis-server.ts";
import type { Stage } from "./stage.ts";

/** How many of each name; ids and numbers in names are left out, so that what grows with the tasks is one name. */
export type Leftovers = Readonly<Record<string, number>>;

/** Members of all keys that never expire. Names as in `leftovers`. */
const inRedis = `
local sizes, cursor = {}, '0'
local count = { string = false, list = 'LLEN', hash = 'HLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN' }
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if redis.call('PTTL', key) == -1 then
      local ask = count[redis.call('TYPE', key).ok]
      local name = key:gsub('%x+%-%x+%-%x+%-%x+%-%x+', 'ID'):gsub('%d+', 'N')
      sizes[name] = (sizes[name] or 0) + (ask and redis.call(ask, key) or 1)
    end
  end
until cursor == '0'
return cjson.encode(sizes)`;

export async function leftovers({ redis, rabbit, disk }: Stage): Promise<Leftovers> {
  return {
    ...(redis ? await ofRedis(redis) : ofSqlite(join(disk, "chaos.db"))),
    ...(rabbit && (await ofRabbit(rabbit))),
  };
}

async function ofRedis(redis: RedisServer): Promise<Leftovers> {
  const sizes = JSON.parse(await redis.cli("EVAL", inRedis, "0")) as Leftovers | readonly [];
  return Array.isArray(sizes) ? {} : (sizes as Leftovers);
}

/** Parts of a chord's join, by the column that says of which: they go when it does, which has an end. */
const ofJoins: Readonly<Record<string, string>> = {
  celeriac_join_body: "no",
  celeriac_member: "grp",
  celeriac_grown: "grp",
};

/** Rows with an end, which maintenance removes after it, do not count. */
function ofSqlite(path: string): Leftovers {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    return Object.fromEntries(
      tables.map(({ name }) => {
        const columns = db.prepare(`SELECT name FROM pragma_table_info(?)`).all(name) as { name: string }[];
        const join = ofJoins[name];
        const endless = columns.some((column) => column.name === "until")
          ? "WHERE until IS NULL"
          : join && `WHERE ${join} NOT IN (SELECT no FROM celeriac_join)`;
        const { rows } = db.prepare(`SELECT count(*) AS rows FROM "${name}" ${endless ?? ""}`).get() as {
          rows: number;
        };
        return [name, rows];
      }),
    );
  } finally {
    db.close();
  }
}

async function ofRabbit(rabbit: RabbitServer): Promise<Leftovers> {
  const lines = async (...command: string[]): Promise<string[]> =>
    (await rabbit.ctl("--quiet", "--no-table-headers", ...command)).split("\n").filter((line) => line !== "");
  const queues = (await lines("list_queues", "messages", "auto_delete", "name")).map((line) => line.split("\t"));
  const messages: Record<string, number> = {};
  for (const [count, , ...rest] of queues) {
    const name = `messages in ${rest
      .join("\t")
      .replaceAll(/[\da-f]+(?:-[\da-f]+){4}/g, "ID")
      .replaceAll(/\d+/g, "N")}`;
    messages[name] = (messages[name] ?? 0) + Number(count);
  }
  const temporary = queues.filter(([, autoDelete]) => autoDelete === "true").length;
  return {
    ...messages,
    "rabbitmq queues": queues.length - temporary,
    "rabbitmq temporary queues": temporary,
    "rabbitmq connections": (await lines("list_connections", "pid")).length,
    "rabbitmq channels": (await lines("list_channels", "pid")).length,
  };
}
