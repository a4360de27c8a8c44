/** Small shared facts with versions. One version a fact and not one a call, so that what changed can be read page by page. */

import { localsLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Control field with the version of the facts. */
export const factsField = "facts";

/**
 * facts: a hash of `kind:key` = JSON, "" for a deletion; "version" and "forgotten" (the last of a deletion that is told no more) beside
 * them. versions: a sorted set of the same names. ends: another, of those that are removed at some time. KEYS 2 to 4 in all scripts. The version stands in
 * control as well, where claims and looks read it: a consumer learns that something has changed without asking.
 */
const factsLua = `
${localsLua}
${timeLua}
local facts, versions, ends = KEYS[2], KEYS[3], KEYS[4]
local function number(field) return tonumber(call('HGET', facts, field) or '0') end
local function sweep()
  local old = call('ZRANGEBYSCORE', ends, '-inf', now_text, 'LIMIT', 0, 200)
  local forgotten = number('forgotten')
  for _, name in ipairs(old) do
    if call('HGET', facts, name) == '' then forgotten = math.max(forgotten, tonumber(call('ZSCORE', versions, name))) end
    call('HDEL', facts, name)
    call('ZREM', versions, name)
    call('ZREM', ends, name)
  end
  if #old > 0 then call('HSET', facts, 'forgotten', ms_text(forgotten)) end
end
-- Names, values and ends of facts from ARGV[from] on. Above every version that was told, also of a server that lost its last writes.
local function set(from)
  sweep()
  local version = math.max(number('version'), now - 1)
  for i = from, #ARGV, 3 do
    local name, value, till = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    version = version + 1
    call('HSET', facts, name, value)
    call('ZADD', versions, ms_text(version), name)
    if value == '' then till = ms_text(now + 86400000) end
    if till == '' then call('ZREM', ends, name) else call('ZADD', ends, till, name) end
  end
  call('HSET', facts, 'version', ms_text(version))
  call('HSET', KEYS[5], '${factsField}', ms_text(version))
  return ms_text(version)
end`;

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 facts, 3 versions, 4 ends, 5 control
 * ARGV  for each fact: name, value or "" to delete it, end ms or ""
 * returns the version
 */
export const setFactsScript: Script = { name: "set-facts", atFull: true, lua: `${factsLua}\nreturn set(1)` };

/**
 * KEYS  as set-facts
 * ARGV  what should stand there, or "" for nothing; then one fact as set-facts
 * returns 1, or 0 if something else stands there
 */
export const replaceFactScript: Script = {
  name: "replace-fact",
  atFull: true,
  lua: `${factsLua}
local present, till = call('HGET', facts, ARGV[2]) or '', call('ZSCORE', ends, ARGV[2])
if till and tonumber(till) <= now then present = '' end
if present ~= ARGV[1] then return 0 end
set(2)
return 1`,
};

/**
 * KEYS  as set-facts, without control
 * ARGV  version that the reader knows, "" or the last version of the page before, most
 * returns the version that stands, 1 if everything is told, the last version of this page or "" if it is the last page, and for each
 * fact: name, value, end ms or ""
 */
export const changesScript: Script = {
  name: "changes",
  atFull: true,
  lua: `${factsLua}
local since, version = tonumber(ARGV[1]), number('version')
local complete = since <= 0 or since < number('forgotten') or since > version
local from = ARGV[2]
if from == '' then from = complete and '0' or ARGV[1] end
local page = call('ZRANGEBYSCORE', versions, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local names, told = {}, {}
for i = 1, #page, 2 do names[#names + 1] = page[i] end
if #names > 0 then
  local values, tills = call('HMGET', facts, unpack(names)), call('ZMSCORE', ends, unpack(names))
  for i, name in ipairs(names) do
    local till = tills[i]
    if not till or tonumber(till) > now then
      told[#told + 1] = name
      told[#told + 1] = values[i]
      told[#told + 1] = till or ''
    end
  end
end
return { ms_text(version), complete and 1 or 0, #names < tonumber(ARGV[3]) and '' or page[#page], told }`,
};
