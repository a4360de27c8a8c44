/** Pieces of Lua that several scripts begin with. Each is a local function; none reads a global. */

/** Scripts begin with it: Redis guards the global table, so that each look into it costs a call. */
export const localsLua: string = "local KEYS, ARGV, call = KEYS, ARGV, redis.call";

/** `ring(bell)`: wakes one idle worker. A token that nobody waits for is gone after 5 s; the slow look of the watcher is the net. */
export const ringLua: string = `
local function ring(bell)
  if redis.call('LLEN', bell) == 0 then
    redis.call('LPUSH', bell, '1')
    redis.call('PEXPIRE', bell, 5000)
  end
end`;

/** `t`: TIME; `now`: milliseconds with a fraction; `ms(x)` such a number as text. */
export const fineTimeLua: string = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function ms(x) return string.format('%.3f', x) end`;

/**
 * `t`: TIME; `now`: whole milliseconds, `ms_text(x)` such a number as text; `fences(key, n)`: the first of n new fences. A fence is at least the time in microseconds,
 * so it grows over a lost counter too. Printed with %.0f: `tostring` would cut it to 14 digits. Scores
 * are whole numbers everywhere: small sorted sets keep those as integers, and a fraction as text that is parsed at every comparison.
 */
export const timeLua: string = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function ms_text(x) return string.format('%.0f', x) end
local now_text = ms_text(now)
local function fences(key, n)
  local first = t[1] * 1000000 + t[2]
  local last = tonumber(redis.call('GET', key) or '0') or 0
  if first <= last then first = last + 1 end
  redis.call('SET', key, string.format('%.0f', first + n - 1))
  return first
end`;

/**
 * `turn(key, pause)`: takes the turn to sweep and returns 0, or returns the ms until it is free. After `timeLua`. A time that is compared: a key's own expiry would wait
 * for a clock that was set back.
 */
export const turnLua: string = `
local function turn(key, pause)
  local last = tonumber(redis.call('GET', key) or '')
  local since = last and math.abs(tonumber(now_text) - last)
  if since and since < pause then return math.max(1, pause - since) end
  redis.call('SET', key, now_text, 'PX', string.format('%.0f', pause))
  return 0
end`;

/** `wrap` and `cut`: from an envelope to the value that kombu keeps in `unacked`, and back, by length alone. */
export const entryLua: string = `
local function wrap(raw, queue) return '[' .. raw .. ',"","' .. queue .. '"]' end
local function cut(value, queue) return value:sub(2, -8 - #queue) end
local function place(id)
  local step, queue = id:match('^%d+%.(%d+)%.(.*)$')
  return step, queue
end`;

/** Only these three end a wait in Celery's clients. Only the anchored start is read: a custom state may carry such text inside. */
export const finalLua: string = `
local function is_final(text)
  if not text then return false end
  local state = text:match('^{"status": ?"(%u+)"')
  return state == 'SUCCESS' or state == 'FAILURE' or state == 'REVOKED'
end`;

/** In the ids of delayed messages whose keys take turns, where the number of a list stands otherwise. */
export const fairStep = 999;

/**
 * `put_fair(due, queue, raws)`: into the line in which keys take turns, a sorted set by numbers that are given out as in start-time fair
 * queueing: one more than the last of its key, at least the lowest that waits. So who sends seldom comes next, however many wait of another.
 * All its keys are made of that of the due times. Control has a field as long as the line is not empty: a claim that has none looks for none.
 */
export const fairLua: string = `
local function fair_keys(due, queue)
  local ours = due:sub(1, -5 - #queue)
  return ours .. 'fair:' .. queue, ours .. 'turns:' .. queue, ours .. 'control'
end
local function put_fair(due, queue, raws)
  local line, turns, control = fair_keys(due, queue)
  local lowest = tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2] or '1')
  local keys, last, names, waiting, counted = {}, {}, {}, {}, {}
  for i, raw in ipairs(raws) do
    local key = raw:match('"celeriac%.fair": ?"([^"\\\\]*)"') or ''
    keys[i] = key
    if not last[key] then
      last[key] = 0
      names[#names + 1] = key
    end
  end
  for i, turn in ipairs(redis.call('ZMSCORE', turns, unpack(names))) do last[names[i]] = tonumber(turn or '0') end
  for i, raw in ipairs(raws) do
    local turn = last[keys[i]] + 1
    if turn < lowest then turn = lowest end
    last[keys[i]] = turn
    waiting[2 * i - 1], waiting[2 * i] = turn, raw
  end
  for i, key in ipairs(names) do counted[2 * i - 1], counted[2 * i] = last[key], key end
  redis.call('ZADD', line, unpack(waiting))
  redis.call('ZADD', turns, unpack(counted))
  redis.call('HSET', control, 'fair:' .. queue, '1')
end
-- What was interrupted had its turn already.
local function put_first(due, queue, raw)
  local line, _, control = fair_keys(due, queue)
  local lowest = tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2] or '1')
  redis.call('ZADD', line, string.format('%.0f', lowest - 1), raw)
  redis.call('HSET', control, 'fair:' .. queue, '1')
end`;

/**
 * After `localsLua`, where KEYS[3] is the fence. `set_of(seen)`: of a key of an id as `newTaskId` makes them, the set of ids of the same time, and
 * the id; of any other nothing. In that set is what was published under an id that was its own nonce, and then no key says so.
 * `begin_once(seen, nonce, window)`: true if this is the id's first publish within its window, which is known from now on; else false and the nonce
 * of that one.
 */
export const onceLua: string = `
local sets = KEYS[3]:sub(1, -6) .. 'sent:'
local function set_of(seen)
  local id = seen:sub(#sets + 1)
  local far, near = id:match('^(%x%x%x%x%x%x%x%x)%-(%x%x)%x%x%-7%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$')
  if far then return sets .. far .. near, id end
end
local function nonce_of(seen)
  local nonce, set, id = call('GET', seen), set_of(seen)
  if not nonce and set and call('SISMEMBER', set, id) == 1 then nonce = id end
  return nonce
end
local function begin_once(seen, nonce, window)
  local set, id = set_of(seen)
  if set and call('SISMEMBER', set, id) == 1 then return false, call('GET', seen) or id end
  if call('SET', seen, nonce, 'NX', 'PX', window) then return true end
  return false, call('GET', seen)
end`;
