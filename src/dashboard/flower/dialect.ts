/**
 * Who asks as Flower's clients do. Two paths of its API are also ours: there a program that says it wants JSON, and every browser, is
 * answered in our own way; below `/flower` everything is Flower's.
 */

import { isBrowser } from "../access/origin.ts";
import { ApiError, badRequest } from "../http/failure.ts";
import { readForm, readJson } from "../http/body.ts";
import type { Visit } from "../http/route.ts";
import type { ActionRequest, ActionResult } from "../contract.ts";

const bodyLimit = 1_048_576;

export function asksAsFlower(request: Request): boolean {
  return !isBrowser(request) && !(request.headers.get("accept") ?? "").includes("application/json");
}

/** A parameter of the URL or of a form, as Tornado reads both alike. */
export async function parameters({ request }: Visit): Promise<URLSearchParams> {
  const params = new URLSearchParams(new URL(request.url).searchParams);
  if (/^application\/x-www-form-urlencoded/i.test(request.headers.get("content-type") ?? "")) {
    for (const [name, value] of await readForm(request, bodyLimit)) params.append(name, value);
  }
  return params;
}

/** A JSON object; nothing at all is an empty one. */
export async function jsonBody({ request }: Visit): Promise<Readonly<Record<string, unknown>>> {
  if (request.body === null || request.headers.get("content-length") === "0") return {};
  const body = await readJson(request, bodyLimit);
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw badRequest("invalid options");
  return body as Readonly<Record<string, unknown>>;
}

export function requiredText(params: URLSearchParams, name: string): string {
  const value = params.get(name);
  if (value === null || value === "" || value.length > 512) throw badRequest(`Missing argument ${name}`, name);
  return value;
}

export function wholeParameter(params: URLSearchParams, name: string, otherwise: number): number {
  const text = params.get(name);
  if (text === null || text === "") return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || Math.abs(value) > 1e9)
    throw badRequest(`Invalid argument '${text.slice(0, 50)}' of type 'int'`, name);
  return value;
}

export function perform({ inside, viewer, address }: Visit, request: ActionRequest): Promise<ActionResult> {
  return inside.perform.run(request, viewer, address);
}

/** What a worker said, or Flower's 403 with its reason. */
export function saidBy(result: ActionResult, worker: string, failed: string): string {
  const { ok, error } = result.replies?.[worker] ?? {};
  if (ok !== undefined) return ok;
  throw new ApiError(403, "WORKER_REFUSED", `${failed}: ${error ?? result.failures[0]?.text ?? "Unknown error"}`);
}

export function unknownWorker(name: string): ApiError {
  return new ApiError(404, "NOT_FOUND", `Unknown worker '${name.slice(0, 200)}'`);
}
