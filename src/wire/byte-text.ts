/** Sizes as people read them: "512 MiB", "1.5 GiB". */

const gibibyte = 2 ** 30;

export function byteText(bytes: number): string {
  return bytes < gibibyte ? `${String(Math.round(bytes / 2 ** 20))} MiB` : `${(bytes / gibibyte).toFixed(1)} GiB`;
}
