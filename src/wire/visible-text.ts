/**
 * Text for people to look at. Names, errors and results come from other people's messages, so every control character in them
 * is made visible: nothing that is shown can move a cursor, change a title or turn text around.
 */

// C0 and C1 with DEL; the marks that change the direction of writing; the two line breaks of Unicode.
const control = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The text with control characters written as `\u{1b}`; those in `keep` stay. */
export function clean(text: string, keep = ""): string {
  return text.replace(control, (char) => (keep.includes(char) ? char : `\\u{${char.charCodeAt(0).toString(16)}}`));
}

/** JSON for a program, safe to look at as well: what `clean` replaces is escaped, which leaves the value the same. */
export function cleanJson(json: string): string {
  return json.replace(control, (char) =>
    char === "\n" ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
