/** Errors that are the same but for numbers and ids in them, under one name: what fails most is found by it. */

const longest = 120;

/** The first line of an error with what differs from one time to the next put aside: "TimeoutError('no answer within … ms')". */
export function faultOf(error: string | undefined): string {
  if (error === undefined) return "unknown";
  const line = error.trimStart().split("\n", 1)[0] ?? "";
  const alike = line
    .slice(0, 4 * longest)
    .replaceAll(/[\da-f]{8}-[\da-f-]{27,28}/gi, "…")
    .replaceAll(/0x[\da-f]+|\b(?=[a-f]*\d)[\da-f]{8,}\b|\d+(?:\.\d+)?/gi, "…");
  return alike.length <= longest ? alike : `${alike.slice(0, longest - 1)}…`;
}
