/** A door of the package as a page of Markdown, which the rest of the site is made of too. */

import { presupposed } from "./prelude.ts";
import type { Door } from "./reference.ts";

export function referencePage({ name, symbols }: Door): string {
  const parts = [
    `# ${name}`,
    `What \`import … from "${name}"\` gives. From the declarations that the package ships. ${presupposed}`,
    symbols.map((symbol, index) => `[\`${symbol.name}\`](#${anchorOf(symbols, index)})`).join(" · "),
  ];
  for (const { name: title, kind, text, example, declaration, file } of symbols) {
    parts.push(`## ${title}`, `*${kind}*, [src/${file}](../src/${file})`);
    if (text !== "") parts.push(text);
    if (example !== undefined) parts.push(fence(example));
    parts.push(fence(declaration.replace(/^(?: {4})+/gm, (indent) => " ".repeat(indent.length / 2))));
  }
  return `${parts.join("\n\n")}\n`;
}

/** A function and its type may differ by their first letter alone. */
function anchorOf(symbols: Door["symbols"], index: number): string {
  const slug = symbols[index]?.name.toLowerCase() ?? "";
  const before = symbols.slice(0, index).filter(({ name }) => name.toLowerCase() === slug).length;
  return before === 0 ? slug : `${slug}-${String(before)}`;
}

const fence = (code: string): string => `\`\`\`\`ts\n${code.trimEnd()}\n\`\`\`\``;

export const referencePath = (door: string): string => `docs/reference-${door.replace("/", "-")}.md`;
