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
