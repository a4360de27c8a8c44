/** Answers as web-standard responses. Every answer of the API is JSON and is kept by no cache. */

import { type ApiError } from "./failure.ts";

export function jsonAnswer(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
  });
}

export function textAnswer(text: string, status = 200, type = "text/plain; charset=utf-8"): Response {
  return new Response(text, { status, headers: { "content-type": type, "cache-control": "no-store" } });
}

export function failureAnswer({ status, code, message, field }: ApiError): Response {
  return jsonAnswer({ code, text: message, ...(field !== undefined && { field }) }, status);
}

/**
 * Nothing but the dashboard's own files is loaded, nobody frames it, and text stays text. Charts and virtual tables place their elements by
 * script, which a policy of styles does not concern: of styles that stand in markup there are none.
 */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** What every answer carries. */
export function protect(response: Response): Response {
  const { headers } = response;
  headers.set("content-security-policy", contentPolicy);
  headers.set("x-content-type-options", "nosniff");
  headers.set("x-frame-options", "DENY");
  headers.set("referrer-policy", "no-referrer");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  return response;
}
