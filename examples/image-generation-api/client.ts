/** Somebody who orders pictures over HTTP and knows nothing but the API. */

export interface Told {
  readonly state: string;
  readonly position?: number;
  readonly step?: number;
  readonly of?: number;
  readonly picture?: { readonly from: number; readonly to: number; readonly pid: number; readonly width: number };
}

export interface Accepted extends Told {
  readonly id: string;
  readonly seed: number;
  readonly events: string;
  readonly picture: never;
}

export class Client {
  readonly #base: string;
  readonly #signal: AbortSignal;

  constructor(base: string, signal: AbortSignal) {
    this.#base = base;
    this.#signal = signal;
  }

  async order(wish: {
    readonly prompt: string;
    readonly seed?: number;
    readonly size: number;
    readonly steps: number;
  }) {
    const reply = await this.#ask("/images", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(wish),
    });
    const body = (await reply.json()) as Accepted;
    if (reply.status !== 202) throw new Error(`an order was answered ${String(reply.status)}: ${JSON.stringify(body)}`);
    return body;
  }

  /** What the event stream tells, until it ends. `heard` is called for each. */
  async follow(id: string, heard: (told: Told) => void): Promise<Told> {
    const reply = await this.#ask(`/images/${id}/events`);
    if (!reply.ok || reply.body === null) throw new Error(`no event stream: ${String(reply.status)}`);
    let text = "";
    let last: Told = { state: "nothing" };
    for await (const part of reply.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
        text = text.slice(end + 2);
        if (data === undefined) continue;
        last = JSON.parse(data) as Told;
        heard(last);
      }
    }
    return last;
  }

  async cancel(id: string): Promise<number> {
    return (await this.#ask(`/images/${id}`, { method: "DELETE" })).status;
  }

  async status(id: string): Promise<Told> {
    return (await (await this.#ask(`/images/${id}`)).json()) as Told;
  }

  async picture(id: string): Promise<Buffer | undefined> {
    const reply = await this.#ask(`/images/${id}.png`);
    return reply.ok ? Buffer.from(await reply.arrayBuffer()) : undefined;
  }

  #ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#base}${path}`, { ...init, signal: this.#signal });
  }
}
