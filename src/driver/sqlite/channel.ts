/** Channels of the bus as text, and which pattern hears which: `*` is one word, `#` any number, words are parted by dots. */

import type { Channel } from "../../port/bus.ts";

export function channelText(channel: Channel): string {
  switch (channel.kind) {
    case "event":
      return `event/${channel.type}`;
    case "control":
      return `control/${channel.namespace}`;
    case "reply":
      return `reply/${channel.to}`;
  }
}

export function channelOf(text: string): Channel {
  const slash = text.indexOf("/");
  const rest = text.slice(slash + 1);
  const kind = text.slice(0, slash);
  if (kind === "control") return { kind, namespace: rest };
  return kind === "reply" ? { kind, to: rest } : { kind: "event", type: rest };
}

/** Does who listens to `pattern` hear `channel`? Only events have patterns. */
export function hears(pattern: string, channel: string): boolean {
  if (pattern === channel) return true;
  if (!pattern.startsWith("event/") || !channel.startsWith("event/")) return false;
  if (pattern === "event/#") return true;
  return matches(pattern.slice(6).split("."), channel.slice(6).split("."));
}

function matches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === "#") return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)));
  return words.length > 0 && (first === "*" || first === words[0]) && matches(rest, words.slice(1));
}
