/** Calls in pieces that hold the write lock for milliseconds. */

const byteLimit = 4 * 1024 * 1024;
export const rowLimit: number = 500;

/** Asked in order, and answered in order by a thread that works them off one after the other. */
export async function inPieces<T, A>(
  items: readonly T[],
  ask: (piece: readonly T[]) => Promise<readonly A[]>,
  sizeOf: (item: T) => number = () => 0,
): Promise<readonly A[]> {
  const asked: Promise<readonly A[]>[] = [];
  for (let from = 0, to = 0; from < items.length; from = to) {
    let bytes = 0;
    while (to < items.length && to - from < rowLimit && bytes < byteLimit) bytes += sizeOf(items[to++] as T);
    asked.push(ask(items.slice(from, to)));
  }
  return (await Promise.all(asked)).flat();
}
