/** Rates by the server's clock, and slots with them; `port/rate-law.ts` has the law, here in Lua. A whole batch in one call, and nothing that is over is kept. */

import { fineTimeLua } from "./parts.ts";
import { takePlaceLua } from "./place.ts";
import type { Script } from "./script.ts";

/** A bucket is the text "full promised interval burst". */
const limitLua = `
${fineTimeLua}
local function read(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local full, promised, interval, burst = text:match('^(%S+) (%S+) (%S+) (%S+)$')
  full, promised, interval, burst = tonumber(full), tonumber(promised), tonumber(interval), tonumber(burst)
  return promised, interval, burst, math.min(math.max(0, (full - now) / interval), burst)
end`;

/**
 * KEYS  1 unacked, 2 index, then one for each ask
 * ARGV  longest promise ms, longest wait in line ms, how our keys begin, separator, then for each ask: "r", limit, per ms, burst, "", "";
 *       or "s", limit, lease ms, holder, claim or "", "l" to stand in line or ""
 * returns for each ask 0 if it is granted, else the ms after which to ask again
 */
export const takeLimitsScript: Script = {
  name: "take-limits",
  atFull: true,
  lua: `
${limitLua}
local longest, longest_line, ours, sep = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
${takePlaceLua}
-- A turn's asks are mostly for one bucket, which is read and written once.
local buckets = {}
local function rate(key, limit, per, burst)
  local interval = per / limit
  local bucket = buckets[key]
  if not bucket then
    local promised, was_interval, was_burst, used = read(key)
    bucket = { promised = promised, interval = was_interval, burst = was_burst, used = used or 0 }
    buckets[key] = bucket
  end
  local promised, used = bucket.promised, math.min(bucket.used, burst)
  if not promised or math.abs(bucket.interval - interval) > 1e-9 * interval or bucket.burst ~= burst then promised = now end
  local wait, answer = (used - (burst - 1)) * interval, 0
  if wait <= 0.002 then
    used = used + 1
  else
    local first = now + wait
    local last = math.max(first, now + longest)
    if promised > last + 0.002 then promised = first else promised = math.min(math.max(first, promised + interval), last) end
    answer = math.ceil(promised - now)
  end
  bucket.promised, bucket.interval, bucket.burst, bucket.used = promised, interval, burst, used
  return answer
end
local function keep()
  for key, bucket in pairs(buckets) do
    local full = now + bucket.used * bucket.interval
    local state = ms(full) .. ' ' .. ms(bucket.promised) .. string.format(' %.17g %.17g', bucket.interval, bucket.burst)
    redis.call('SET', key, state, 'PX', string.format('%.0f', math.max(full, bucket.promised) - now + 1000))
  end
end
local answers = {}
for i = 3, #KEYS do
  local at = (i - 3) * 6 + 5
  local a, b = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if ARGV[at] == 'r' then answers[i - 2] = rate(KEYS[i], a, b, tonumber(ARGV[at + 3]))
  else answers[i - 2] = take_place(KEYS[i], a, b, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5] == 'l') end
end
keep()
return answers`,
};

/**
 * KEYS  1 unacked (unused), then rates
 * returns for each: interval, burst, ms until the next; or nothing
 */
export const lookLimitsScript: Script = {
  name: "look-limits",
  atFull: true,
  lua: `
${limitLua}
local told = {}
for i = 2, #KEYS do
  local promised, interval, burst, used = read(KEYS[i])
  if not promised or (used <= 0 and promised <= now) then
    told[i - 1] = false
  else
    local wait = (used - (burst - 1)) * interval
    told[i - 1] = { string.format('%.17g', interval), string.format('%.17g', burst), wait <= 0.002 and 0 or math.ceil(wait) }
  end
end
return told`,
};
