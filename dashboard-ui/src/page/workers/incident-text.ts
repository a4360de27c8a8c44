/** What a worker told of a child's end: facts as JSON, or words of its own. */

export function incidentText(text: string): string {
  let facts: unknown;
  try {
    facts = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof facts !== "object" || facts === null) return text;
  return Object.entries(facts)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => (typeof value === "boolean" ? `${value ? "" : "not "}${name}` : `${name} ${String(value)}`))
    .join(", ");
}
