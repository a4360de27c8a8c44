/**
 * The files of the user interface, as they were built: read once, kept in memory with their packed forms, found by name in a table, so that
 * no path can lead anywhere else. Names with a hash are kept by browsers for ever. Every other path is a place inside the interface and
 * gets its one page, in which `./` and the prefix are put right.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { DashboardSettings } from "../options.ts";
import { notFound } from "./failure.ts";

interface File {
  readonly type: string;
  readonly bytes: Buffer;
  readonly br: Buffer | undefined;
  readonly gzip: Buffer | undefined;
  readonly etag: string;
  readonly hashed: boolean;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};
const packed = /^(?:text|application)\/|svg/;
/** Smaller ones are not worth it, bytes. */
const worthPacking = 1_024;
const largest = 8 * 1024 * 1024;
/** Of 11. The whole interface in 21 ms, 183 kB; 11 makes 169 kB of it, and would hold up the process of the first page for a second. */
const brotliQuality = 5;
/** Beside the compiled server; where its sources run, in what was built last. */
const places = ["../ui/", "../../../dist/dashboard/ui/"];

const missing = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Celeriac</title></head>
<body><h1>Celeriac</h1><p>The user interface is not part of this build. The API is there: <a href="./api/openapi.json">api/openapi.json</a>.</p></body></html>`;

export class Interface {
  #files: ReadonlyMap<string, File> | undefined;
  readonly #pages = new Map<string, File>();
  readonly #place: string | undefined;

  /** `place`: a folder instead of the built one. */
  constructor(place?: string) {
    this.#place = place;
  }

  /** Throws 404 for a file that is none. */
  answer(
    request: Request,
    path: string,
    { prefix, environment }: Pick<DashboardSettings, "prefix" | "environment">,
  ): Response {
    this.#files ??= read(this.#place);
    const file = this.#files.get(path.slice(1));
    if (file !== undefined && path !== "/index.html") return send(request, file);
    if (extname(path) !== "" && path !== "/index.html" && !(request.headers.get("accept") ?? "").includes("text/html"))
      throw notFound("There is no such file.");
    const key = `${prefix}\0${environment}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = pageOf(this.#files.get("index.html")?.bytes.toString() ?? missing, prefix, environment);
      this.#pages.set(key, page);
    }
    return send(request, page);
  }
}

/** Told once, in the page: where it is mounted. */
function pageOf(html: string, prefix: string, environment: string): File {
  const meta = `<meta name="celeriac-prefix" content="${escaped(prefix)}"><meta name="celeriac-environment" content="${escaped(environment)}">`;
  const text = html.replaceAll(/(\s(?:src|href)=")\.\//g, `$1${prefix}/`).replace("<head>", `<head>${meta}`);
  return fileOf("index.html", Buffer.from(text));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

function read(place: string | undefined): ReadonlyMap<string, File> {
  const folders = place === undefined ? places.map((path) => fileURLToPath(new URL(path, import.meta.url))) : [place];
  for (const folder of folders) {
    try {
      const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const files = entries.map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [relative(folder, path).replaceAll("\\", "/"), path] as const;
      });
      return new Map(files.map(([name, path]) => [name, fileOf(name, readFileSync(path))]));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return new Map();
}

function fileOf(name: string, bytes: Buffer): File {
  const type = types[extname(name)] ?? "application/octet-stream";
  const pack = packed.test(type) && bytes.byteLength >= worthPacking && bytes.byteLength <= largest;
  return {
    type,
    bytes,
    br: pack ? brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } }) : undefined,
    gzip: pack ? gzipSync(bytes) : undefined,
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    hashed: /[-.][\w-]{8,}\.\w+$/.test(name) && name.startsWith("assets/"),
  };
}

function send(request: Request, file: File): Response {
  const headers: Record<string, string> = {
    "content-type": file.type,
    etag: file.etag,
    vary: "accept-encoding",
    "cache-control": file.hashed ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(file.etag)) return new Response(null, { status: 304, headers });
  // Next, whose requests have a nextUrl, takes the header that says how a body is packed from its route handlers' responses, and packs them itself.
  const packings = "nextUrl" in request ? "" : (request.headers.get("accept-encoding") ?? "");
  const accepted = new Set(packings.split(",").map((name) => name.trim().split(";")[0]));
  let body = file.bytes;
  if (file.br !== undefined && accepted.has("br")) [body, headers["content-encoding"]] = [file.br, "br"];
  else if (file.gzip !== undefined && accepted.has("gzip")) [body, headers["content-encoding"]] = [file.gzip, "gzip"];
  headers["content-length"] = String(body.byteLength);
  return new Response(request.method === "HEAD" ? null : new Uint8Array(body), { headers });
}
