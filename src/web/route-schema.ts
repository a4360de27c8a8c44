/** What OpenAPI generators read about the result routes. Descriptions only: ids are checked by the routes, answers are JSON text already. */

/** As far as the two routes use it. The names are those of `@fastify/swagger`. */
export interface RouteSchema {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly produces?: readonly string[];
  readonly params: object;
  readonly response: Readonly<Record<number, object>>;
}

const params = {
  type: "object",
  required: ["id"],
  properties: { id: { type: "string", description: "The task's id, as its enqueue returned it" } },
} as const;

const error = {
  type: "object",
  properties: { type: { type: "string" }, message: { type: "string" } },
} as const;

const progress = {
  type: "object",
  nullable: true,
  properties: {
    done: { type: "number" },
    total: { type: "number", nullable: true },
    note: { type: "string", nullable: true },
  },
} as const;

const problem = {
  type: "object",
  properties: { error: { type: "string" }, message: { type: "string" } },
} as const;

const id = { type: "string" } as const;
const state = { type: "string", description: "PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE, REVOKED" } as const;

const refusals = {
  400: { description: "Not an id", ...problem },
  403: { description: "`authorize` said no", ...problem },
  404: { description: "Never accepted here, or its result has expired", ...problem },
} as const;

export const readSchema: RouteSchema = {
  summary: "The state of a task",
  tags: ["tasks"],
  params,
  response: {
    200: {
      description: "Final",
      type: "object",
      properties: { id, state, result: {}, error, outcome: { type: "string" } },
    },
    202: { description: "Waiting or running", type: "object", properties: { id, state, progress, error } },
    ...refusals,
  },
};

export const eventsSchema: RouteSchema = {
  summary: "A task's states as they change",
  description:
    "Server-sent events: `progress` for each change, `result` for the last. The data is the body of the state route.",
  tags: ["tasks"],
  params,
  produces: ["text/event-stream"],
  response: refusals,
};
