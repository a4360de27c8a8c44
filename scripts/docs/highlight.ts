/** Four colours are enough for a page: comments, texts, words of the language, numbers. */

const words =
  "abstract as async await break case catch class const continue declare default delete do else enum export extends false finally for from function get if implements import in infer instanceof interface is keyof let never new null of private readonly return satisfies set static string number boolean super switch this throw true try type typeof undefined unknown using var void while yield def with None True False";
const word = `\\b(?:${words.split(" ").join("|")})\\b`;
const text = `"(?:\\\\.|[^"\\\\\\n])*"|'(?:\\\\.|[^'\\\\\\n])*'|\`(?:\\\\.|[^\`\\\\])*\``;
const number = `\\b\\d[\\d_]*(?:\\.\\d+)?n?\\b`;

const slashes = new RegExp(`(//[^\\n]*|/\\*[^]*?\\*/)|(${text})|(${word})|(${number})`, "g");
const hashes = new RegExp(`((?<=^|\\s)#[^\\n]*)|(${text})|(${word})|(${number})`, "gm");
const shell = /((?<=^|\s)#[^\n]*)|("[^"\n]*"|'[^'\n]*')|(^\$ )|(?!)/gm;
const languages: Readonly<Record<string, RegExp>> = {
  ts: slashes,
  js: slashes,
  tsx: slashes,
  json: slashes,
  python: hashes,
  py: hashes,
  yaml: hashes,
  ini: hashes,
  sh: shell,
  console: shell,
};

export function colour(code: string, language: string): string {
  const rule = languages[language];
  if (rule === undefined) return escapeHtml(code);
  let html = "";
  let from = 0;
  for (const found of code.matchAll(rule)) {
    const kind = ["c", "s", "k", "n"][found.slice(1).findIndex((group) => group !== undefined)] ?? "n";
    html += `${escapeHtml(code.slice(from, found.index))}<i class="${kind}">${escapeHtml(found[0])}</i>`;
    from = found.index + found[0].length;
  }
  return html + escapeHtml(code.slice(from));
}

export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
