/**
 * Joins. Celery's part: `.j` the members by index, `.s` how many are planned, `.t` how many more; whoever of its workers sees that all are there
 * sends the body and deletes the three. Ours: a hash with `open`, `full`, `closed`, `body`, and the names of growths; and a sorted set of what
 * somebody must look after, by the moment since when: those whose sending is over and not sealed, and full ones.
 *
 * Opened and without `.s`: a peer has closed it.
 */

import { timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Field of `control`: the longest time that any sender took for its members. */
const longestField = "sending";
/** So long a closed join is told from one that was never open, ms. */
const closedMs = 3_600_000;
/** So long Celery remembers a chord, ms. */
const peersMs = 86_400_000;

/**
 * A group is named by the place of its block in ARGV: the numbers of its keys `.j`, `.t`, `.s`, hash and watched set, its id, the body or "", ttl ms.
 *
 * `arrive(place, index, head, text)`, the head being what tells a member: "arrived/size or -/full 0|1", or nothing where a key has a wrong type; what is known of a group is read once a
 * call. `keep_joins()`: renews the time of those that were written. Needs `call`, `timeLua`.
 */
export const arriveLua: string = `
local joins = {}
local function join_at(place)
  local join = joins[place]
  if join ~= nil then return join end
  local at = tonumber(place)
  local members, extra, size, own = KEYS[ARGV[at] + 0], KEYS[ARGV[at + 1] + 0], KEYS[ARGV[at + 2] + 0], KEYS[ARGV[at + 3] + 0]
  local count = redis.pcall('ZCARD', members)
  join = false
  if type(count) == 'number' then
    local told = call('HMGET', own, 'closed', 'full', 'open')
    local planned = call('GET', size)
    join = { members = members, own = own, count = count, full = told[2], open = told[3], keys = { members, extra, size, own } }
    join.kept = call('HEXISTS', own, 'body') == 1
    if planned then join.size = planned + (call('GET', extra) or 0) end
    join.closed = told[1] or (join.open and not planned)
    join.written = not join.closed and (planned or join.kept or ARGV[at + 6] ~= '')
  end
  joins[place] = join
  return join
end
-- Of one index they stand in the order of their bytes; Lua would compare by the server's locale.
local function is_before(text, head)
  for i = 1, #head do
    local one, other = text:byte(i) or -1, head:byte(i)
    if one ~= other then return one < other end
  end
  return false
end
local function has_arrived(members, index, head)
  local count = call('ZCOUNT', members, index, index)
  if count == 0 then return false end
  local low = call('ZCOUNT', members, '-inf', '(' .. index)
  local high = low + count
  while low < high do
    local middle = math.floor((low + high) / 2)
    local text = call('ZRANGE', members, middle, middle)[1]
    if text:sub(1, #head) == head then return true end
    if is_before(text, head) then low = middle + 1 else high = middle end
  end
  return false
end
local function arrive(place, index, head, text)
  local join = join_at(place)
  if not join then return nil end
  if not join.written then return '0/-/0' end
  local at = tonumber(place)
  if not has_arrived(join.members, index, head) then
    call('ZADD', join.members, index, text)
    join.count = join.count + 1
  end
  if not join.kept and ARGV[at + 6] ~= '' then
    call('HSET', join.own, 'body', ARGV[at + 6])
    join.kept = true
  end
  if not join.size then return join.count .. '/-/0' end
  if not join.open then
    call('HSET', join.own, 'open', '1')
    join.open = true
  end
  if not join.full and join.count >= join.size then
    call('ZADD', KEYS[ARGV[at + 4] + 0], now_text, ARGV[at + 5])
    call('HSET', join.own, 'full', '1')
    join.full = true
  end
  return join.count .. '/' .. join.size .. (join.full and '/1' or '/0')
end
local function keep_joins()
  for place, join in pairs(joins) do
    if join and join.written then
      for _, key in ipairs(join.keys) do call('PEXPIRE', key, ARGV[place + 7]) end
    end
  end
end`;

/**
 * KEYS  1 unacked, the others are named by number in ARGV
 * ARGV  n, then for each: place of its group's block, index, head, member; then the blocks
 * returns a text for each arrival, joined by blanks
 */
export const arriveScript: Script = {
  name: "arrive",
  atFull: true,
  lua: `
local KEYS, ARGV, call = KEYS, ARGV, redis.call
${timeLua}
${arriveLua}
local out = {}
for i = 1, tonumber(ARGV[1]) do
  local p = i * 4 - 2
  local text = arrive(ARGV[p], ARGV[p + 1], ARGV[p + 2], ARGV[p + 3])
  if not text then return redis.error_reply('WRONGTYPE ' .. KEYS[ARGV[ARGV[p] + 0] + 0] .. ' holds no members by index') end
  out[i] = text
end
keep_joins()
return table.concat(out, ' ')`,
};

/**
 * KEYS  1 unacked, 2 watched, 3 control, then for each: .j, .t, .s, hash
 * ARGV  for each: group, size, body, ttl ms, sending ms or "" for sealed
 */
export const openJoinScript: Script = {
  name: "open join",
  atFull: true,
  lua: `
${timeLua}
local k, longest = 4, tonumber(redis.call('HGET', KEYS[3], '${longestField}') or '0')
for i = 1, #ARGV, 5 do
  local members, extra, size, own = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3]
  k = k + 4
  local told = redis.call('HMGET', own, 'closed', 'open')
  if not told[1] and not told[2] and redis.call('EXISTS', size) == 0 then
    local planned = ARGV[i + 1] + (redis.call('GET', extra) or 0)
    local full = redis.call('ZCARD', members) >= planned
    redis.call('HSETNX', own, 'body', ARGV[i + 2])
    redis.call('HSET', own, 'open', '1')
    redis.call('SET', size, ARGV[i + 1])
    if full then
      redis.call('ZADD', KEYS[2], now_text, ARGV[i])
      redis.call('HSET', own, 'full', '1')
    elseif ARGV[i + 4] ~= '' then
      if tonumber(ARGV[i + 4]) > longest then
        longest = tonumber(ARGV[i + 4])
        redis.call('HSET', KEYS[3], '${longestField}', ARGV[i + 4])
      end
      redis.call('ZADD', KEYS[2], ms_text(now + ARGV[i + 4]), ARGV[i])
    end
    for key = k - 4, k - 1 do redis.call('PEXPIRE', KEYS[key], ARGV[i + 3]) end
  end
end
return 1`,
};

/**
 * KEYS  1 unacked, 2 watched, then for each: hash
 * ARGV  for each: group
 */
export const sealJoinScript: Script = {
  name: "seal join",
  atFull: true,
  lua: `
for i = 1, #ARGV do
  if redis.call('HEXISTS', KEYS[i + 2], 'full') == 0 then redis.call('ZREM', KEYS[2], ARGV[i]) end
end
return 1`,
};

/**
 * KEYS  1 unacked, 2 .j, 3 .t, 4 .s, 5 hash
 * ARGV  name of the new member in the hash, "1" if a member asks that runs: then it may not be open yet, a peer being about to say its size
 * returns 1, also if it grew by this one before, or 0 if it is closed, full, or not open
 */
export const growJoinScript: Script = {
  name: "grow join",
  atFull: true,
  lua: `
local told = redis.call('HMGET', KEYS[5], 'closed', 'full', ARGV[1], 'open')
local planned = redis.call('GET', KEYS[4])
if told[1] or (not planned and (told[4] or ARGV[2] ~= '1')) then return 0 end
if told[3] then return 1 end
if told[2] then return 0 end
if planned and redis.call('ZCARD', KEYS[2]) >= planned + (redis.call('GET', KEYS[3]) or 0) then return 0 end
redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[5], ARGV[1], '')
if planned then redis.call('HSET', KEYS[5], 'open', '1') end
local left = planned and redis.call('PTTL', KEYS[4]) or ${peersMs}
if left > 0 then
  redis.call('PEXPIRE', KEYS[3], left)
  if redis.call('PTTL', KEYS[5]) < left then redis.call('PEXPIRE', KEYS[5], left) end
end
return 1`,
};

/**
 * KEYS  1 unacked, 2 watched, then for each: .j, .t, .s, hash
 * ARGV  for each: group
 */
export const closeJoinScript: Script = {
  name: "close join",
  atFull: true,
  lua: `
for i = 1, #ARGV do
  local k = i * 4 - 1
  redis.call('HSET', KEYS[k + 3], 'closed', '1')
  redis.call('HDEL', KEYS[k + 3], 'body')
  redis.call('PEXPIRE', KEYS[k + 3], ${closedMs})
  redis.call('UNLINK', KEYS[k], KEYS[k + 1], KEYS[k + 2])
  redis.call('ZREM', KEYS[2], ARGV[i])
end
return 1`,
};

/**
 * KEYS  1 unacked, 2 watched, 3 control
 * ARGV  age ms, most groups
 * returns now ms, the longest sending ms, and the groups that somebody should look after, the oldest first
 *
 * A moment further away than the longest sending was written before the clock was set back: it is lowered, or what a dead worker left would
 * wait for the clock to catch up.
 */
export const agedJoinsScript: Script = {
  name: "aged joins",
  atFull: true,
  lua: `
${timeLua}
local longest = tonumber(redis.call('HGET', KEYS[3], '${longestField}') or '0')
local out = { now_text, ms_text(longest) }
for _, group in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ms_text(now + longest), '+inf', 'LIMIT', 0, 100)) do
  redis.call('ZADD', KEYS[2], 'XX', ms_text(now + longest), group)
end
for _, group in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms_text(now - ARGV[1]), 'LIMIT', 0, ARGV[2])) do
  out[#out + 1] = group
end
return out`,
};

/**
 * KEYS  1 unacked, 2 watched, then for each: .s, hash
 * ARGV  age ms, byte budget, 1 if those whose sending seems over are passed by, then for each: group
 * returns for each that is named: group, full 0|1, and its body or nothing; not again before another age has passed
 */
export const nameJoinsScript: Script = {
  name: "name joins",
  atFull: true,
  lua: `
${timeLua}
local before, room, out = now - ARGV[1], tonumber(ARGV[2]), {}
for i = 4, #ARGV do
  local k, group = i * 2 - 5, ARGV[i]
  local since = room > 0 and redis.call('ZSCORE', KEYS[2], group)
  if since and tonumber(since) <= before then
    local told = redis.call('HMGET', KEYS[k + 1], 'closed', 'full', 'body')
    if told[1] or redis.call('EXISTS', KEYS[k]) == 0 then
      -- It was kept for as long as it was to be, or a peer has sent the body.
      redis.call('ZREM', KEYS[2], group)
    elseif told[2] or ARGV[3] ~= '1' then
      redis.call('ZADD', KEYS[2], now_text, group)
      room = room - (told[3] and #told[3] or 0)
      out[#out + 1] = { group, told[2] and 1 or 0, told[3] }
    end
  end
end
return out`,
};

/**
 * KEYS  1 unacked, 2 the group's own key
 * ARGV  list of members, ttl ms or "0"
 */
export const saveGroupScript: Script = {
  name: "save group",
  atFull: true,
  lua: `
if ARGV[2] == '0' then redis.call('SET', KEYS[2], ARGV[1]) else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1`,
};
