/**
 * Starts of tasks, in the hash of their checkpoints: `#` the highest fence, and the row in `r` (state, sure 0|1, attempt, fence, crashes,
 * suspicions), `n` the nonce of its start, `i` the id of the message it began with, `q` the queue if its message is kept, `m` the name of the copy that was given back, `u` until when a
 * finished one counts. States: b begun, o open, w tried again, p replaced, f finished, d final, whose message is still kept. The hash of a kept message does not expire.
 */

import { finalLua, localsLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

export const dayMs = 86_400_000;
const finishedMs = 3_600_000;

/** All of a start but its fence and the queue of a kept message. */
export const startFields = "'r', 'n', 'm', 'i', 'u'";

/** `read(row)`: its parts, nothing if there is none. `keep(key)`: a week from now, or longer if something else in it does. */
export const rowLua: string = `
local function read(row)
  if not row then return nil end
  return row:match('^(%a) (%d) (%S+) (%d+) (%d+) (%d+)$')
end
local function keep(key)
  if redis.call('PTTL', key) < ${7 * dayMs} then redis.call('PEXPIRE', key, ${7 * dayMs}) end
end`;

/** `keep_finished(key)`: an hour, unless checkpoints lie there as well. */
export const finishedLua: string = `
local function keep_finished(key)
  redis.call('HDEL', key, 'n', 'm', 'i')
  if redis.call('HLEN', key) == 3 then redis.call('PEXPIRE', key, ${finishedMs}) else keep(key) end
end`;

/**
 * `verdict(…)`: S stale, H held, C it goes and the start that stands has died, nil it goes: the rules of `port/start-law.ts`. Of the row:
 * its parts, the name it began with, the name of the copy that was given back, whether its message is kept; of the message: all else.
 */
const verdictLua: string = `
local function left(began, fence, formerly)
  if formerly == '' or not began or began == '' then return true end
  for _, former in ipairs(cjson.decode(formerly)) do
    if former == began then return true end
    if former:byte() == 58 and tonumber(fence) <= (tonumber(former:sub(2)) or -1) then return true end
  end
  return false
end
local function verdict(state, at, fence, began, copy, message, attempt, redelivered, formerly, held)
  if (state ~= 'b' and state ~= 'w' and state ~= 'p') or attempt > tonumber(at) then return nil end
  if state == 'p' and redelivered:byte(2) then return nil end
  if state == 'b' and attempt < tonumber(at) then return 'S' end
  if not (copy and copy == message) then
    if state == 'b' and held then return 'H' end
    if not (redelivered:byte() == 49 and left(began, fence, formerly)) then return 'S' end
  end
  return state == 'b' and 'C' or nil
end`;

/**
 * KEYS  1 unacked, 2 held, then for each start: result key, checkpoints key, hold key
 * ARGV  bytes of results that may be returned, then for each: id, attempt, message id or "", redelivered 0|1 with a ? if unsaid, sure 0|1, nonce, JSON list of the
 *       names under which it may have been begun before or "", its own name or ""
 * returns a line for each, joined, then the results in the order of their F
 *     G fence crashes suspicions    it may run
 *     F final, and its result follows    L the same, but it does not fit: ask again    E ended without a result
 *     S stale    H held
 */
export const beginScript: Script = {
  name: "begin",
  atFull: true,
  lua: `
${localsLua}
${timeLua}
${finalLua}
${rowLua}
${verdictLua}
local time, room = t[1] * 1000000 + t[2], tonumber(ARGV[1])
local lines, out, k = {}, {}, 3
for i = 2, #ARGV, 8 do
  local id, attempt, message, redelivered = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3]
  local sure, nonce, formerly, name = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7]
  local meta, points, hold = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  k = k + 3
  local line
  local head = redis.pcall('GETRANGE', meta, 0, 31)
  if type(head) == 'string' and is_final(head) then
    line = 'L'
    if room > 0 then
      line = 'F'
      local value = call('GET', meta)
      room = room - #value
      out[#out + 1] = value
    end
  else
    local known = call('HMGET', points, '#', 'r', 'n', 'm', 'q', 'u', 'i')
    local state, died, at, fence, crashes, suspicions = read(known[2])
    if state == 'f' and not known[5] and tonumber(known[6]) <= now then state = nil end
    if state == 'f' or state == 'd' then
      line = 'E'
    elseif state and known[3] == nonce then
      line = 'G ' .. fence .. ' ' .. crashes .. ' ' .. suspicions
    else
      line = verdict(state, at, fence, known[7], known[4], message, attempt, redelivered, formerly, known[5])
      if not state then
        crashes, suspicions = '0', '0'
      elseif line == 'C' then
        if died == '1' then
          crashes = ms_text(crashes + 1)
        else
          suspicions = ms_text(suspicions + 1)
        end
      end
      if not line or line == 'C' then
        fence = ms_text(math.max(time, tonumber(known[1] or '0') + 1))
        local counts = fence .. ' ' .. crashes .. ' ' .. suspicions
        call('HSET', points, '#', fence, 'r', 'b ' .. sure .. ' ' .. ARGV[i + 1] .. ' ' .. counts, 'n', nonce, 'i', name)
        if known[4] or known[5] or known[6] then call('HDEL', points, 'm', 'q', 'u') end
        if known[5] then
          call('DEL', hold)
          call('ZREM', KEYS[2], id)
        end
        if known[1] then keep(points) else call('PEXPIRE', points, ${7 * dayMs}) end
        line = 'G ' .. counts
      end
    end
  end
  lines[#lines + 1] = line
end
return { table.concat(lines, '\\n'), unpack(out) }`,
};

/**
 * KEYS  1 unacked, then for each: checkpoints key
 * ARGV  for each: attempt, message id or "", redelivered 0|1 with a ? if unsaid, JSON list of names or ""
 * returns for each the fence of the start that it would come after, "0" without one, "" if it would not begin
 */
export const followsScript: Script = {
  name: "follows",
  atFull: true,
  lua: `
${rowLua}
${verdictLua}
local fences = {}
for k = 2, #KEYS do
  local i = k * 4 - 7
  local known = redis.call('HMGET', KEYS[k], 'r', 'i', 'm', 'q')
  local state, _, at, fence = read(known[1])
  local attempt, redelivered = tonumber(ARGV[i]), ARGV[i + 2]
  local line = verdict(state, at, fence, known[2], known[3], ARGV[i + 1], attempt, redelivered, ARGV[i + 3], known[4])
  fences[k - 1] = (line == 'S' or line == 'H') and '' or fence or '0'
end
return fences`,
};

/**
 * KEYS  1 unacked, then for each: checkpoints key
 * ARGV  for each: fence, crashes or "", suspicions or "", o|w|p
 */
export const reopenScript: Script = {
  name: "reopen",
  atFull: true,
  lua: `
${rowLua}
for k = 2, #KEYS do
  local i = k * 4 - 7
  local known = redis.call('HMGET', KEYS[k], 'r', 'q')
  local state, sure, attempt, fence, crashes, suspicions = read(known[1])
  if (state == 'b' or state == 'o' or state == 'w' or state == 'p') and fence == ARGV[i] then
    if ARGV[i + 1] ~= '' then crashes = ARGV[i + 1] end
    if ARGV[i + 2] ~= '' then suspicions = ARGV[i + 2] end
    redis.call('HSET', KEYS[k], 'r', table.concat({ ARGV[i + 3], sure, attempt, fence, crashes, suspicions }, ' '))
    if not known[2] then keep(KEYS[k]) end
  end
end
return 1`,
};

/**
 * KEYS  1 unacked, then for each: checkpoints key
 * ARGV  for each: fence
 * returns a letter for each: F finished, X fenced
 */
export const finishScript: Script = {
  name: "finish",
  atFull: true,
  lua: `
${timeLua}
${rowLua}
${finishedLua}
local letters = {}
for k = 2, #KEYS do
  local points, fence = KEYS[k], ARGV[k - 1]
  local known = redis.call('HMGET', points, '#', 'q')
  if tonumber(known[1] or '0') > tonumber(fence) then
    letters[k - 1] = 'X'
  else
    redis.call('HSET', points, '#', fence, 'r', 'f 0 0 ' .. fence .. ' 0 0', 'u', ms_text(now + ${finishedMs}))
    if not known[2] then keep_finished(points) end
    letters[k - 1] = 'F'
  end
end
return table.concat(letters)`,
};
