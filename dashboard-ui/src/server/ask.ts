/** Questions and presses to the server, below whatever prefix it lives. Every answer that is not 2xx is a {@link Refusal}. */

import type { ActionRequest, ActionResult, ApiFailure } from "../../../src/dashboard/contract.ts";

/** Said with every question: to who does not say it, some paths answer as Flower does. */
const json = "application/json";

export type Params = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export class Refusal extends Error {
  override readonly name = "Refusal";
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, { code, text, field }: ApiFailure) {
    super(text);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export class Server {
  /** Where the dashboard is mounted: "" or "/celeriac". */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  url(path: string, params: Params = {}): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) {
      if (value === undefined) continue;
      for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) query.append(name, one);
    }
    const text = query.toString();
    return `${this.prefix}${path}${text === "" ? "" : `?${text}`}`;
  }

  /** Rejects with {@link Refusal}. */
  async ask<T>(path: string, params: Params, signal: AbortSignal): Promise<T> {
    return this.#fetch<T>(this.url(path, params), { signal, headers: { accept: json } });
  }

  /** Rejects with {@link Refusal}. `csrf` is the session's. */
  async press(request: ActionRequest, csrf: string): Promise<ActionResult> {
    return this.#fetch<ActionResult>(this.url("/api/actions"), {
      method: "POST",
      body: JSON.stringify(request),
      headers: { accept: json, "content-type": json, "x-csrf-token": csrf },
    });
  }

  async #fetch<T>(url: string, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await fetch(url, { ...init, credentials: "same-origin" });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new Refusal(0, { code: "UNREACHABLE", text: "The dashboard's server does not answer." });
    }
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return body as T;
    throw new Refusal(
      response.status,
      failureOf(body) ?? { code: "UNKNOWN", text: `The server answered ${String(response.status)}.` },
    );
  }
}

/** One part of a path, however strange the name. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}

function failureOf(body: unknown): ApiFailure | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { code, text } = body as Partial<ApiFailure>;
  return typeof code === "string" && typeof text === "string" ? (body as ApiFailure) : undefined;
}
