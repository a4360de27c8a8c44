/** Random numbers that a seed decides: an epoch that is done again must see its samples in the same order. */

/** From 0 to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** The numbers from 0 to `count` - 1, shuffled. */
export function shuffled(count: number, seed: number): Uint32Array {
  const random = randomFrom(seed * 7919 + 17);
  const numbers = Uint32Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1));
    [numbers[n], numbers[other]] = [numbers[other] ?? 0, numbers[n] ?? 0];
  }
  return numbers;
}
