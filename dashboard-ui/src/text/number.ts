/** Counts with thin spaces, rates with one decimal, sizes in binary units. */

const thin = "\u2009";

/** "1 204". */
export function countText(count: number): string {
  const digits = String(Math.round(Math.abs(count)));
  return (count < 0 ? "\u2212" : "") + digits.replace(/\B(?=(?:\d{3})+$)/g, thin);
}

/** Where there is little room: "1.2 k", "34 k", "5.6 M". */
export function shortCountText(count: number): string {
  if (count < 10_000) return countText(count);
  if (count < 100_000) return `${(Math.floor(count / 100) / 10).toFixed(1)}${thin}k`;
  if (count < 1_000_000) return `${String(Math.floor(count / 1_000))}${thin}k`;
  return `${(Math.floor(count / 100_000) / 10).toFixed(1)}${thin}M`;
}

/** "12.3 /s". */
export function rateText(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.05) return `< 0.1${thin}/s`;
  const whole = Math.floor(perSecond * 10 + 0.5) / 10;
  return `${countText(Math.floor(whole))}.${String(Math.round((whole % 1) * 10))}${thin}/s`;
}

/** Of 0…1: "0.4 %", "12 %". */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent === 0) return `0${thin}%`;
  if (percent < 0.1) return `< 0.1${thin}%`;
  return `${percent < 10 ? percent.toFixed(1) : String(Math.round(percent))}${thin}%`;
}

/** "84.2 MB"; of bytes, in units of 1 024. */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${String(Math.round(bytes))} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${value < 100 ? value.toFixed(1) : String(Math.round(value))} ${units[unit] ?? ""}`;
}

/** "1 task", "1 204 tasks". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
