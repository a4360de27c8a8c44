/** Ends deliveries: result, what follows, and the queue's entry, all in one step, and only for whoever still holds the lease. */

import { endCallLua, layCallLua } from "./call.ts";
import { arriveLua } from "./join.ts";
import { entryLua, fairLua, fairStep, finalLua, localsLua, onceLua, ringLua, timeLua } from "./parts.ts";
import { placeLua } from "./place.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 session, 5 dead index; the others are named by number in ARGV
 * ARGV  slot, sequence, session ttl ms, n, n ids, then for each item one of
 *     c row, due key and bell of its queue, id, "start", "end" or period ms, life ms of the row, ms that it lives on if the message is replaced
 *       (it stands for a key of calls), then
 *     = number of items from here on that are like this one, lease key, started key, ttl ms or "0", number of the first result key, and for each
 *       item its meta; their result keys stand one after the other
 *       (a first run's final result, acknowledged, nothing else: nearly all items)
 *     * number of its arguments that follow,
 *       lease key, started key,
 *       result key or 0, and if not 0: meta, ttl ms or "0"
 *       attempts key or 0, and if not 0: a record to add, or "" to drop the list
 *       op: A  acknowledge
 *           R  replace by another message: SEND
 *           Q  put back: list key, bell key, F front | B back | T front where keys take turns (the due key instead of the list), envelope or ""
 *              for unchanged
 *           P  put back for later: bell key, due key, due ms, queue, envelope or "" for unchanged, then 0, or what it stands in line for:
 *              slots key, line key, parked key, list key, task id
 *           D  dead letter: its key, attempts key, score ms, text before the stored attempts, own attempts, text after, ttl ms
 *       number of follow-ups, and for each: seen key or 0, nonce, window ms, result key or 0, SEND
 *       number of arrivals, and for each: place of its group's block, index, head, member; the blocks stand behind all items, see `join.ts`
 *       SEND = list key, bell key, due key, due ms or "", step, queue, envelope
 * returns a letter an item: S settled, L lost, F already final (op skipped, follow-ups sent, members arrive), E a key has a wrong type (still
 * held); then, if there are arrivals, a blank and what became of each that belongs to an S or F, joined by blanks
 *
 * What adds comes before what deletes: a script that fails half-way is not rolled back.
 */
const lua = `
${localsLua}
local session, slot, sequence = KEYS[4], ARGV[1], ARGV[2]
local former = call('HGET', session, slot)
if former and former:sub(1, #sequence + 1) == sequence .. ' ' then return former:sub(#sequence + 2) end
${timeLua}
${ringLua}
${entryLua}
${finalLua}
${arriveLua}
${placeLua}
${endCallLua}
${layCallLua}
${fairLua}
${onceLua}
local unacked, index = KEYS[1], KEYS[2]
local n = tonumber(ARGV[4])
local ids = {}
for i = 1, n do ids[i] = ARGV[4 + i] end
local alive = call('ZMSCORE', index, unpack(ids))
local p = 5 + n
local function arg() local value = ARGV[p] p = p + 1 return value end
local function key() return KEYS[tonumber(arg())] end
local bells = {}
local function works(reply) return not (type(reply) == 'table' and reply.err) end
-- False if it failed; where it is delayed, under which field.
local function send()
  local list, bell, due, at, step, queue, raw = key(), key(), key(), arg(), arg(), arg(), arg()
  local field = ''
  if at ~= '' and tonumber(at) > now then
    local id = string.format('%.0f', fences(KEYS[3], 1)) .. '.' .. step .. '.' .. queue
    if not works(redis.pcall('ZADD', due, at, id)) then return false end
    call('HSET', unacked, id, wrap(raw, queue))
    call('ZADD', index, math.ceil(at / 1000), id)
    field = id
  elseif step == '${String(fairStep)}' then
    put_fair(due, queue, { raw })
  elseif not works(redis.pcall('LPUSH', list, raw)) then
    return false
  end
  bells[bell] = true
  return field
end
local letters, joined, gone, forgotten, outlived, unleased, unstarted = {}, {}, {}, {}, {}, {}, {}
local function group(groups, name)
  local known = groups[name]
  if not known then known = {} groups[name] = known end
  return known
end
-- True if it is there now; false if a final one was there before.
local function store(meta, value, ttl)
  local stored
  if ttl == '0' then stored = call('SET', meta, value, 'NX') else stored = call('SET', meta, value, 'NX', 'PX', ttl) end
  if not stored then
    local old = redis.pcall('GET', meta)
    if type(old) == 'string' and is_final(old) then return false end
    if ttl == '0' then call('SET', meta, value) else call('SET', meta, value, 'PX', ttl) end
  end
  call('PUBLISH', meta, value)
  return true
end
local alike, life, result, off_lease, off_started = 0
for i = 1, n do
  local id, letter, op, laid = ids[i], 'S', 'A', ''
  if alike == 0 and ARGV[p] == '=' then
    alike, life, result = tonumber(ARGV[p + 1]), ARGV[p + 4], tonumber(ARGV[p + 5])
    off_lease, off_started = group(unleased, ARGV[p + 2]), group(unstarted, ARGV[p + 3])
    p = p + 6
  end
  local keyed = alike == 0 and ARGV[p] == 'c' and p
  if keyed then p = p + 8 end
  local after = alike > 0 and p + 1 or p + 2 + ARGV[p + 1]
  if alike > 0 then
    if not alive[i] then
      letter = 'L'
    else
      if not store(KEYS[result], ARGV[p], life) then letter = 'F' end
      gone[#gone + 1] = id
      off_lease[#off_lease + 1] = id
      off_started[#off_started + 1] = id
    end
    alike, result = alike - 1, result + 1
  elseif not alive[i] then
    letter = 'L'
  else
    p = p + 2
    local lease, started = arg(), arg()
    local meta = key()
    if meta then
      local value, ttl = arg(), arg()
      if not store(meta, value, ttl) then letter = 'F' end
    end
    local attempts = key()
    if attempts then
      local record = arg()
      if record == '' then
        forgotten[#forgotten + 1] = attempts
      elseif works(redis.pcall('RPUSH', attempts, record)) then
        call('LTRIM', attempts, -20, -1)
        call('PEXPIRE', attempts, 604800000)
      end
    end
    local parked = false
    op = arg()
    if op == 'R' then
      if letter == 'F' then
        p = p + 7
      else
        laid = send()
        if not laid then letter = 'E' end
      end
    elseif op == 'Q' then
      local list, bell, side, raw = key(), key(), arg(), arg()
      if letter ~= 'F' then
        local _, queue = place(id)
        if raw == '' then raw = cut(call('HGET', unacked, id), queue) end
        if side == 'T' then
          put_first(list, queue, raw)
          bells[bell] = true
        elseif works(redis.pcall(side == 'F' and 'RPUSH' or 'LPUSH', list, raw)) then bells[bell] = true else letter = 'E' end
      end
    elseif op == 'P' then
      local bell, due, at, queue, raw = key(), key(), arg(), arg(), arg()
      local slots, line, stalled, list, task = key()
      if slots then line, stalled, list, task = key(), key(), key(), arg() end
      local place = slots and call('HGET', slots, task)
      if letter == 'F' then
      elseif place and read_place(place, now) then
        -- Called while it was on its way.
        if raw == '' then raw = cut(call('HGET', unacked, id), queue) end
        if raw:find('"celeriac.fair":', 1, true) then
          put_first(due, queue, raw)
          bells[bell] = true
        elseif works(redis.pcall('RPUSH', list, raw)) then
          bells[bell] = true
        else
          letter = 'E'
        end
      else
        if works(redis.pcall('ZADD', due, at, id)) then
          parked, laid = true, id
          if raw ~= '' then call('HSET', unacked, id, wrap(raw, queue)) end
          call('ZADD', index, math.ceil(math.max(at, now) / 1000), id)
          if slots then
            call('HSET', stalled, task, id)
            stand(line, stalled, task)
          end
          bells[bell] = true
        else
          letter = 'E'
        end
      end
    elseif op == 'D' then
      local letter_key, stored, score, head, own, tail, ttl = key(), key(), arg(), arg(), arg(), arg(), arg()
      if letter ~= 'F' then
        local list = redis.pcall('LRANGE', stored, 0, -1)
        if not works(list) then list = {} end
        if own ~= '' then list[#list + 1] = own end
        call('SET', letter_key, head .. table.concat(list, ',') .. tail, 'PX', ttl)
        call('ZADD', KEYS[5], score, letter_key)
        call('ZREMRANGEBYSCORE', KEYS[5], '-inf', '(' .. ms_text(now - ttl))
        forgotten[#forgotten + 1] = stored
      end
    end
    if letter ~= 'E' then
      for _ = 1, tonumber(arg()) do
        local seen, nonce, window, former = key(), arg(), arg(), key()
        if seen and not begin_once(seen, nonce, window) then
          p = p + 7
        elseif not send() then
          if seen then call('DEL', seen) end
          letter = 'E'
        elseif former then
          outlived[#outlived + 1] = former
        end
      end
    end
    if letter ~= 'E' then
      local before = #joined
      for _ = 1, tonumber(arg()) do
        local text = arrive(arg(), arg(), arg(), arg())
        if text then joined[#joined + 1] = text else letter = 'E' end
      end
      if letter == 'E' then
        while #joined > before do joined[#joined] = nil end
      end
    end
    if letter ~= 'E' then
      local leases, starts = group(unleased, lease), group(unstarted, started)
      leases[#leases + 1], starts[#starts + 1] = id, id
      if not parked then gone[#gone + 1] = id end
    end
  end
  if keyed and (letter == 'F' or (letter == 'S' and (op == 'A' or op == 'D'))) then
    local row, due, bell = KEYS[ARGV[keyed + 1] + 0], KEYS[ARGV[keyed + 2] + 0], KEYS[ARGV[keyed + 3] + 0]
    if end_call(row, due, index, ARGV[keyed + 4], ARGV[keyed + 5], ARGV[keyed + 6]) then bells[bell] = true end
  elseif keyed and letter == 'S' then
    local row = KEYS[ARGV[keyed + 1] + 0]
    if op == 'R' then keep_call(row, ARGV[keyed + 4], ARGV[keyed + 5], ARGV[keyed + 7]) end
    lay_call(row, ARGV[keyed + 4], laid)
  end
  p = after
  letters[i] = letter
end
for bell in pairs(bells) do ring(bell) end
keep_joins()
if #gone > 0 then
  call('ZREM', index, unpack(gone))
  call('HDEL', unacked, unpack(gone))
end
if #forgotten > 0 then call('DEL', unpack(forgotten)) end
-- Of ids that are accepted anew: their new run could store no result beside the former one. There may be more than unpack takes at once.
for from = 1, #outlived, 1000 do call('DEL', unpack(outlived, from, math.min(from + 999, #outlived))) end
-- A block whose items are all lost has made its groups, and they are empty.
for lease, of in pairs(unleased) do
  if #of > 0 then call('ZREM', KEYS[lease + 0], unpack(of)) end
end
for started, of in pairs(unstarted) do
  if #of > 0 then call('HDEL', KEYS[started + 0], unpack(of)) end
end
local text = table.concat(letters)
if #joined > 0 then text = text .. ' ' .. table.concat(joined, ' ') end
call('HSET', session, slot, sequence .. ' ' .. text)
call('PEXPIRE', session, ARGV[3])
return text`;

export const settleScript: Script = { name: "settle", lua, atFull: true };
