/**
 * The dashboard's contract as JSON Schema, for the document that its API serves: read from the types themselves, which are written in a small
 * part of TypeScript. `node scripts/contract-schema.ts` writes it; a test compares what is there with what would be written.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./process.ts";

type Schema = Readonly<Record<string, unknown>>;

export const schemaFile: string = join(root, "src/dashboard/http/contract-schema.json");
const contract = join(root, "src/dashboard/contract");
/** What a task's reasons are, the contract has from here; `WhyNot` is its name there. */
const reasons = join(root, "src/app/reason.ts");
const renamed: Readonly<Record<string, string>> = { Explanation: "WhyNot" };
const token = /\/\*\*[^]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*|\d[\d_]*|\.\.\.|[^\s]/g;

export function contractSchemas(): Readonly<Record<string, Schema>> {
  const files = readdirSync(contract)
    .toSorted()
    .map((name) => join(contract, name));
  const schemas: Record<string, Schema> = {};
  for (const file of [...files, reasons])
    Object.assign(schemas, new TypeReader(readFileSync(file, "utf8")).declarations());
  const sorted = Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return resolved(Object.fromEntries(sorted), schemas) as Record<string, Schema>;
}

/** Members of other types (`Overview["now"]`) are put in their place. */
function resolved(value: unknown, schemas: Readonly<Record<string, Schema>>): unknown {
  if (Array.isArray(value)) return value.map((one) => resolved(one, schemas));
  if (typeof value !== "object" || value === null) return value;
  const { of, member, ...rest } = value as { readonly of?: string; readonly member?: string };
  if (of !== undefined && member !== undefined && schemas[of] !== undefined) {
    const found = membersOf(schemas[of], member);
    const constants = found.flatMap((one) =>
      "const" in one ? [one["const"]] : Array.isArray(one["enum"]) ? (one["enum"] as unknown[]) : [],
    );
    const schema = found.length === 1 ? found[0] : { enum: constants };
    return resolved({ ...schema, ...rest }, schemas);
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, schemas)]));
}

function membersOf(schema: Schema, member: string): readonly Schema[] {
  const {
    properties = {},
    allOf = [],
    anyOf = [],
  } = schema as {
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly allOf?: readonly Schema[];
    readonly anyOf?: readonly Schema[];
  };
  const own = properties[member];
  return [...(own === undefined ? [] : [own]), ...[...allOf, ...anyOf].flatMap((one) => membersOf(one, member))];
}

class TypeReader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = [...text.matchAll(token)].map(([one]) => one);
  }

  declarations(): Record<string, Schema> {
    const found: Record<string, Schema> = {};
    let comment: string | undefined;
    while (this.#at < this.#tokens.length) {
      const next = this.#take();
      if (next.startsWith("/*")) comment = next;
      else if (next === "import") this.#skip();
      else if (next === "export") {
        const kind = this.#take();
        const name = this.#take();
        if (kind === "type" && (name === "*" || name === "{")) this.#skip();
        else if (kind === "interface") found[nameOf(name)] = described(this.#interface(), comment);
        else if (kind === "type") {
          this.#expect("=");
          found[nameOf(name)] = described(this.#type(), comment);
        } else throw new Error(`${kind} is not understood`);
        comment = undefined;
      }
    }
    return found;
  }

  #interface(): Schema {
    const parents: Schema[] = [];
    if (this.#takes("extends")) {
      do parents.push(this.#type());
      while (this.#takes(","));
    }
    this.#expect("{");
    const own = this.#object();
    return parents.length === 0 ? own : { allOf: [...parents, own] };
  }

  /** After the opening brace. */
  #object(): Schema {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    let comment: string | undefined;
    while (!this.#takes("}")) {
      if (this.#peek().startsWith("/*")) {
        comment = this.#take();
        continue;
      }
      this.#takes("readonly");
      const name = this.#take();
      if (!this.#takes("?")) required.push(name);
      this.#expect(":");
      properties[name] = described(this.#type(), comment);
      comment = undefined;
      this.#takes(";");
    }
    return { type: "object", properties, ...(required.length > 0 && { required }) };
  }

  #type(): Schema {
    this.#takes("|");
    const members = [this.#intersection()];
    while (this.#takes("|")) members.push(this.#intersection());
    const [only] = members;
    if (members.length === 1 && only !== undefined) return only;
    if (members.every((member) => "const" in member)) return { enum: members.map((member) => member["const"]) };
    return { anyOf: members };
  }

  #intersection(): Schema {
    const members = [this.#postfix()];
    while (this.#takes("&")) members.push(this.#postfix());
    return members.length === 1 ? (members[0] as Schema) : { allOf: members };
  }

  #postfix(): Schema {
    let schema = this.#primary();
    while (this.#takes("[")) {
      if (this.#takes("]")) {
        schema = { type: "array", items: schema };
        continue;
      }
      const member = JSON.parse(this.#take()) as string;
      this.#expect("]");
      schema = { member, of: String(schema["$ref"]).split("/").at(-1) };
    }
    return schema;
  }

  #primary(): Schema {
    const next = this.#take();
    if (next === "readonly") return this.#postfix();
    if (next.startsWith("/")) return this.#primary(); // a comment within a union
    if (next.startsWith('"')) return { const: JSON.parse(next) as string };
    if (next === "{") return this.#object();
    if (next === "(") {
      const inner = this.#type();
      this.#expect(")");
      return inner;
    }
    if (["string", "number", "boolean", "null"].includes(next)) return { type: next };
    if (next === "unknown") return {};
    if (next === "true" || next === "false") return { const: next === "true" };
    if (!/^[A-Z]/.test(next)) throw new Error(`${next} is not understood`);
    if (!this.#takes("<")) return { $ref: `#/components/schemas/${nameOf(next)}` };
    const parameters = [this.#type()];
    while (this.#takes(",")) parameters.push(this.#type());
    this.#expect(">");
    const [first = {}, second = {}] = parameters;
    if (next === "Record") return { type: "object", additionalProperties: second };
    if (next === "Readonly" || next === "Partial") return first;
    throw new Error(`${next}<> is not understood`);
  }

  /** To the end of a statement. */
  #skip(): void {
    while (this.#take() !== ";");
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  #take(): string {
    const next = this.#tokens[this.#at++];
    if (next === undefined) throw new Error("the types end too soon");
    return next;
  }

  #takes(wanted: string): boolean {
    while (this.#peek().startsWith("//")) this.#at++;
    // Of members of a union that are commented nothing is lost but the comment.
    if (["|", ";", "}"].includes(wanted) && this.#peek().startsWith("/*") && this.#tokens[this.#at + 1] === wanted)
      this.#at++;
    if (this.#peek() !== wanted) return false;
    this.#at++;
    return true;
  }

  #expect(wanted: string): void {
    if (!this.#takes(wanted)) throw new Error(`${wanted} is missing before ${this.#peek()}`);
  }
}

function nameOf(name: string): string {
  return renamed[name] ?? name;
}

function described(schema: Schema, comment: string | undefined): Schema {
  if (comment === undefined) return schema;
  const text = comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .replace(/\{@link (\w+)[^}]*\}/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
  return "$ref" in schema ? { allOf: [schema], description: text } : { ...schema, description: text };
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(schemaFile, `${JSON.stringify(contractSchemas(), null, 1)}\n`);
}
