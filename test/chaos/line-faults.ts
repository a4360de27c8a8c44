/** What goes wrong on one client's line, for how long, and how it is undone. */

import type { TcpProxy } from "../server/tcp-proxy.ts";
import type { Random } from "./random.ts";

export type LineFault =
  | "cut line"
  | "refuse line"
  | "black hole"
  | "half-open up"
  | "half-open down"
  | "slow line"
  | "late line"
  | "uneven line"
  | "broken word";

/** Bytes a second: what a bad mobile line carries. */
const slowRate = 2048;

export interface Strike {
  readonly begin: () => void;
  /** Ms until `end`; 0 for what is over at once. */
  readonly lasts: number;
  readonly end: () => void;
}

export function lineStrike(fault: LineFault, lines: readonly TcpProxy[], lease: number, random: Random): Strike {
  const each = (run: (line: TcpProxy) => void) => (): void => lines.forEach(run);
  const nothing = (): void => {};
  switch (fault) {
    case "cut line":
      return { begin: each((line) => line.cut()), lasts: 0, end: nothing };
    case "broken word": {
      // Somewhere in what the client says next, mostly in the middle of a command.
      const bytes = Math.floor(random.between(1, 400));
      return { begin: each((line) => line.truncate(bytes)), lasts: 0, end: nothing };
    }
    case "refuse line":
      return {
        begin: each((line) => {
          line.refuse(true);
          line.cut();
        }),
        lasts: lease * random.between(0.2, 1),
        end: each((line) => line.refuse(false)),
      };
    case "black hole":
      return over(each, (line, on) => line.blackHole(on), lease * random.between(0.3, 1.5));
    case "half-open up":
      return over(each, (line, on) => line.deaf(on), lease * random.between(0.3, 1.5));
    case "half-open down":
      return over(each, (line, on) => line.halfOpen(on), lease * random.between(0.3, 1.5));
    case "slow line":
      return over(each, (line, on) => line.slow(on ? slowRate : Infinity), lease * random.between(0.3, 1));
    case "late line": {
      const late = Math.floor(random.between(50, 500));
      return over(each, (line, on) => line.latency(on ? late : 0), lease * random.between(0.5, 1.5));
    }
    case "uneven line": {
      const late = Math.floor(random.between(50, 250));
      return over(each, (line, on) => line.latency(on ? late : 0, on ? late : 0), lease * random.between(0.5, 1.5));
    }
  }
}

/** On for a while. What a line has swallowed is missing in the middle of the stream, so it is cut before it goes on. */
function over(
  each: (run: (line: TcpProxy) => void) => () => void,
  turn: (line: TcpProxy, on: boolean) => void,
  lasts: number,
): Strike {
  return {
    begin: each((line) => turn(line, true)),
    lasts,
    end: each((line) => {
      line.cut();
      turn(line, false);
    }),
  };
}
