/** Bodies of requests, read up to a bound and parsed with care: nesting and the names that objects inherit are refused. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { parseJson } from "../../wire/json.ts";
import { ApiError, badRequest } from "./failure.ts";

/** Throws TOO_LARGE and BAD_REQUEST. */
export async function readJson(request: Request, most: number): Promise<unknown> {
  const text = await readText(request, most);
  try {
    return parseJson(text, { depth: 16, keys: 50_000 });
  } catch (error) {
    if (!(error instanceof CeleriacError)) throw error;
    throw badRequest("The body is no JSON that can be read here.");
  }
}

/** A form as browsers and `curl -d` send it. */
export async function readForm(request: Request, most: number): Promise<URLSearchParams> {
  return new URLSearchParams(await readText(request, most));
}

async function readText(request: Request, most: number): Promise<string> {
  const told = Number(request.headers.get("content-length") ?? 0);
  if (told > most) throw tooLarge(most);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += (chunk as Uint8Array).byteLength;
    if (size > most) throw tooLarge(most);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(most: number): ApiError {
  return new ApiError(413, "TOO_LARGE", `The body may have ${String(most)} bytes.`);
}
