/** Whose turn a message counts as: a header of ours, read by brokers that let keys take turns, and by nobody else. */

/** The header. */
export const fairHeader = "celeriac.fair";
/** Characters. */
const longest = 200;
const inText = /"celeriac\.fair": ?"([^"\\]*)"/;

/** `undefined`: it waits in the plain line. Headers come from anywhere. */
export function fairKeyOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const key = headers[fairHeader];
  return typeof key === "string" && key !== "" && key.length <= longest ? key : undefined;
}

/** The same from the text of the headers, or of a whole envelope, as `encodeEnvelope` writes it. */
export function fairKeyIn(text: string): string {
  return inText.exec(text)?.[1] ?? "";
}

/** As it stands in the header: nothing that JSON would write otherwise, so that scripts on a server can find it in the text. */
export function plainKey(key: string): string {
  return /^[\x20-\x7e]*$/.test(key) && !/["\\]/.test(key) ? key : encodeURIComponent(key);
}
