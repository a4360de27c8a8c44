/** Which Redis. */

const { hostname, port } = new URL(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");

export const connection = { host: hostname, port: Number(port || 6379), maxRetriesPerRequest: null };
