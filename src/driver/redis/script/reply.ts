/** Answers to askers: each on the asker's own list, which goes by itself if the asker is gone. */

import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), then a list for each reply
 * ARGV  life of an unread list ms, then the envelopes
 * returns how many were put on a list; what is no list belongs to somebody else, and no asker reads it
 */
export const replyScript: Script = {
  name: "reply",
  atFull: true,
  lua: `
local sent = 0
for i = 2, #KEYS do
  local reply = redis.pcall('LPUSH', KEYS[i], ARGV[i])
  if type(reply) == 'number' then
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
    sent = sent + 1
  end
end
return sent`,
};
