import { routes } from "../../../src/dashboard/http/routes.ts";

/** Of every page that answers and ends; a stream does not. */
export const paths: readonly string[] = routes
  .filter(({ method, path }) => method === "GET" && path !== "/api/stream")
  .map(({ path }) => path);

export interface Shown {
  readonly worker: string;
  readonly queue: string;
  /** Of a task, which may be the root of a workflow. */
  readonly id: string;
}

/** For the page of `path`, with the names that it has places for. */
export function pageRequest(path: string, { worker, queue, id }: Shown): Request {
  const name = path.includes("queues/") ? queue : worker;
  const place = path.replace(/:\w+/, (part) => encodeURIComponent(/^:(name|worker)$/.test(part) ? name : id));
  return new Request(`http://localhost:5555${place}`);
}
