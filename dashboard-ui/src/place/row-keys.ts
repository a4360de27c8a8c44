/** Keys of a list whose rows open a panel: j and k move on. */

import type { KeyTable } from "./keys.ts";

export function rowKeys(names: readonly string[], open: string | undefined, show: (name: string) => void): KeyTable {
  const move = (step: number): void => {
    const index = open === undefined ? -1 : names.indexOf(open);
    const next = names[index < 0 ? 0 : Math.min(names.length - 1, Math.max(0, index + step))];
    if (next !== undefined) show(next);
  };
  return {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: open === undefined ? undefined : () => move(1),
    ArrowUp: open === undefined ? undefined : () => move(-1),
  };
}
