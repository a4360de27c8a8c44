/** Whole numbers as text without printing them: printing a number is what an event with twenty of them spends the most on. */

const thousands: readonly string[] = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, "0"));
const million = 1_000_000;

/** The last three digits of a whole number from zero on. */
export function lastThree(number: number): string {
  return thousands[number % 1_000] ?? "000";
}

/** Seconds as JSON has them, in whole microseconds: more is noise. What is no time is `null`. */
export function secondsText(ms: number): string {
  const micros = Math.round(ms * 1_000);
  if (micros >= 0 && micros < million) return `0.${lastThree(Math.floor(micros / 1_000))}${lastThree(micros)}`;
  return Number.isFinite(micros) ? String(micros / million) : "null";
}

/** Prints the numbers of a clock, of which the first digits stay the same for a thousand of them. */
export class CountPrinter {
  #thousand = -1;
  #first = "";

  /** `count`: whole, from zero on. */
  print(count: number): string {
    if (count < 1_000) return String(count);
    const thousand = Math.floor(count / 1_000);
    if (thousand !== this.#thousand) {
      this.#thousand = thousand;
      this.#first = String(thousand);
    }
    return this.#first + lastThree(count);
  }
}
