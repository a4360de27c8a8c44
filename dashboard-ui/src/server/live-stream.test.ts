/** The stream over connections that come and go, with a stand-in for the browser's EventSource, which Node has none of. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamEvent } from "../../../src/dashboard/contract.ts";
import { LiveStream } from "./live-stream.ts";

class Source {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readyState = 0;
  closed = false;
  readonly topics: readonly string[];
  constructor(topics: readonly string[]) {
    this.topics = topics;
  }
  close(): void {
    this.closed = true;
  }
}

let sources: Source[];
let heard: StreamEvent[];
let stream: LiveStream;
beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  heard = [];
  stream = new LiveStream({
    open: (topics) => {
      const source = new Source(topics);
      sources.push(source);
      return source as unknown as EventSource;
    },
    hear: (event) => heard.push(event),
  });
});
afterEach(() => vi.useRealTimers());

test("topics of one turn make one connection, and the old one stays until the new one is open", () => {
  stream.follow("tasks");
  const leave = stream.follow("overview");
  vi.advanceTimersByTime(100);
  expect(sources.map(({ topics }) => topics)).toEqual([["overview", "tasks"]]);
  sources[0]?.onopen?.();
  expect(stream.state()).toBe("open");
  leave();
  leave();
  vi.advanceTimersByTime(100);
  expect(sources[1]?.topics).toEqual(["tasks"]);
  expect(sources[0]?.closed).toBe(false);
  sources[1]?.onopen?.();
  expect(sources[0]?.closed).toBe(true);
});

test("a connection that was refused is tried again, and then everything is asked anew", () => {
  stream.follow("tasks");
  vi.advanceTimersByTime(100);
  const [first] = sources;
  first?.onopen?.();
  if (first !== undefined) first.readyState = 2;
  first?.onerror?.();
  expect(stream.state()).toBe("lost");
  vi.advanceTimersByTime(6_000);
  sources[1]?.onopen?.();
  expect(heard).toEqual([{ type: "reset", why: "gap" }]);
  expect(stream.state()).toBe("open");
});

test("what is no event is not heard", () => {
  stream.follow("tasks");
  vi.advanceTimersByTime(100);
  sources[0]?.onmessage?.({ data: "{" });
  sources[0]?.onmessage?.({ data: "null" });
  sources[0]?.onmessage?.({ data: '{"type":"broker","connected":true}' });
  expect(heard).toEqual([{ type: "broker", connected: true }]);
});
