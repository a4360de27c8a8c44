/** Links that stand in other people's texts: http and https alone, whatever else calls itself one. */

export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

const most = 50;

/** The text, cut where links begin and end. */
export function linkParts(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"'`)\]}]{1,1000}/g)) {
    if (parts.length >= most) break;
    const href = safeHref(match[0]);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: match[0], href });
    end = match.index + match[0].length;
  }
  if (end < text.length || parts.length === 0) parts.push({ text: text.slice(end) });
  return parts;
}

/** `undefined` for everything that is no http or https URL. */
export function safeHref(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === "http:" || protocol === "https:" ? href : undefined;
}
