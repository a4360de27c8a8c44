/** Secrets as they may come to light: as they are, in JSON, in a URL, and in base64, whatever stands before them. */
export function formsOf(secrets: readonly string[]): readonly string[] {
  return secrets.flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...[0, 1, 2].map((shift) =>
      Buffer.from(" ".repeat(shift) + secret)
        .toString("base64")
        .slice(4, -4),
    ),
  ]);
}

/** The sources that tell one of them, each with what stands around it. */
export function leaksIn(told: ReadonlyMap<string, string>, forms: readonly string[]): readonly string[] {
  return [...told]
    .filter(([, text]) => forms.some((form) => text.includes(form)))
    .map(([source, text]) => `${source}: ${around(text, forms)}`);
}

function around(text: string, forms: readonly string[]): string {
  const at = Math.min(...forms.map((form) => text.indexOf(form)).filter((index) => index !== -1));
  return text.slice(Math.max(0, at - 200), at + 60);
}
