/** Every question that pages ask, with its key in the cache: what it is, "live" or the moment, and what it is about. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type {
  AuditPage,
  DeadLetterPage,
  LogPage,
  MessagePage,
  Names,
  Overview,
  QueueList,
  RawMessage,
  ScheduleList,
  Session,
  TaskCounts,
  TaskDetail,
  TaskPage,
  WhyNot,
  WorkerDetail,
  WorkerList,
  WorkflowGraph,
  WorkflowPage,
} from "../../../src/dashboard/contract.ts";
import { type ChosenFilter, filterFor, pagesFor } from "../place/task-filter.ts";
import { follows, momentOf, rangeOf, spans, type TimeChoice } from "../place/time-choice.ts";
import { type Params, segment, type Server } from "./ask.ts";
import type { ServerClock } from "./server-clock.ts";
import { live } from "./stream-cache.ts";

/** What is seen first is there soon; who scrolls on wants many. The server gives no more at once. */
const [firstRows, furtherRows] = [100, 200];

export class Questions {
  readonly #server: Server;
  readonly #clock: ServerClock;

  constructor(server: Server, clock: ServerClock) {
    this.#server = server;
    this.#clock = clock;
  }

  session = () =>
    queryOptions({
      queryKey: ["session"],
      staleTime: 300_000,
      refetchInterval: 300_000,
      queryFn: async ({ signal }) => {
        const asked = Date.now();
        const session = await this.#ask<Session>("/api/session", {}, signal);
        this.#clock.set(session.now, Date.now() - asked);
        return session;
      },
    });

  overview = (time: TimeChoice) =>
    queryOptions({
      queryKey: ["overview", follows(time) ? live : "past", time],
      placeholderData: keepPreviousData,
      // Figures of a short stretch move each second, those of a week do not.
      refetchInterval: follows(time)
        ? time.kind === "last" && spans[time.span].ms > 4_000_000
          ? 30_000
          : 5_000
        : false,
      queryFn: ({ signal }) => {
        const params = { ...rangeOf(time, this.#clock.now()), at: momentOf(time) };
        return this.#ask<Overview>("/api/overview", params, signal);
      },
    });

  /** The health sentence alone; the stream keeps it fresh. */
  health = () =>
    queryOptions({
      queryKey: ["health"],
      staleTime: 60_000,
      queryFn: async ({ signal }) => {
        const params = rangeOf({ kind: "live" }, this.#clock.now());
        return (await this.#ask<Overview>("/api/overview", params, signal)).health;
      },
    });

  tasks = (chosen: ChosenFilter, time: TimeChoice) =>
    infiniteQueryOptions({
      queryKey: ["tasks", whenOf(time), chosen],
      placeholderData: keepPreviousData,
      initialPageParam: "",
      queryFn: ({ signal, pageParam }) => {
        const filter = pagesFor(chosen, time, this.#clock.now());
        const where = pageParam === "" ? { limit: firstRows } : { limit: furtherRows, after: pageParam };
        const params = { ...filter, order: chosen.order, ...where };
        return this.#ask<TaskPage>("/api/tasks", params, signal);
      },
      getNextPageParam: ({ next }) => next,
    });

  counts = (chosen: ChosenFilter, time: TimeChoice) =>
    queryOptions({
      queryKey: ["counts", whenOf(time), { ...chosen, state: [], order: "newest", start: undefined }],
      placeholderData: keepPreviousData,
      refetchInterval: follows(time) ? 3_000 : false,
      queryFn: ({ signal }) => {
        const { state: _all, ...filter } = filterFor(chosen, time, this.#clock.now());
        return this.#ask<TaskCounts>("/api/tasks/counts", filter, signal);
      },
    });

  task = (id: string, at: number | undefined) =>
    queryOptions({
      queryKey: ["task", at ?? live, id],
      queryFn: ({ signal }) => this.#ask<TaskDetail>(`/api/tasks/${segment(id)}`, { at }, signal),
    });

  log = (id: string, at: number | undefined) =>
    queryOptions({
      queryKey: ["log", at ?? live, id],
      queryFn: ({ signal }) => this.#ask<LogPage>(`/api/tasks/${segment(id)}/log`, { at, limit: 1_000 }, signal),
    });

  why = (id: string) =>
    queryOptions({
      queryKey: ["why", live, id],
      refetchInterval: 5_000,
      queryFn: ({ signal }) => this.#ask<WhyNot>(`/api/tasks/${segment(id)}/why`, {}, signal),
    });

  message = (id: string, queue: string | undefined) =>
    queryOptions({
      queryKey: ["message", live, id],
      retry: false,
      queryFn: ({ signal }) => this.#ask<RawMessage>(`/api/tasks/${segment(id)}/message`, { queue }, signal),
    });

  workflows = (only: "open" | "failed" | undefined, at: number | undefined) =>
    infiniteQueryOptions({
      queryKey: ["workflows", at ?? live, only ?? "all"],
      placeholderData: keepPreviousData,
      initialPageParam: "",
      refetchInterval: at === undefined ? 3_000 : false,
      queryFn: ({ signal, pageParam }) =>
        this.#ask<WorkflowPage>(
          "/api/workflows",
          { only, at, after: pageParam === "" ? undefined : pageParam },
          signal,
        ),
      getNextPageParam: ({ next }) => next,
    });

  workflow = (root: string, at: number | undefined) =>
    queryOptions({
      queryKey: ["workflow", at ?? live, root],
      queryFn: ({ signal }) => this.#ask<WorkflowGraph>(`/api/workflows/${segment(root)}`, { at }, signal),
    });

  queues = (at: number | undefined) =>
    queryOptions({
      queryKey: ["queues", at ?? live],
      placeholderData: keepPreviousData,
      refetchInterval: at === undefined ? 10_000 : false,
      queryFn: ({ signal }) => this.#ask<QueueList>("/api/queues", { at }, signal),
    });

  messages = (queue: string, where: MessagePage["where"]) =>
    infiniteQueryOptions({
      queryKey: ["messages", live, queue, where],
      initialPageParam: "",
      queryFn: ({ signal, pageParam }) =>
        this.#ask<MessagePage>(
          `/api/queues/${segment(queue)}/messages`,
          { where, after: pageParam === "" ? undefined : pageParam },
          signal,
        ),
      // What waits and what is held changes all the time; who has read on is left where they are.
      refetchInterval: ({ state: { data } }) => ((data?.pages.length ?? 1) > 1 ? false : 3_000),
      getNextPageParam: ({ next }) => next,
    });

  workers = (at: number | undefined) =>
    queryOptions({
      queryKey: ["workers", at ?? live],
      placeholderData: keepPreviousData,
      queryFn: ({ signal }) => this.#ask<WorkerList>("/api/workers", { at }, signal),
    });

  worker = (name: string, at: number | undefined) =>
    queryOptions({
      queryKey: ["worker", at ?? live, name],
      refetchInterval: at === undefined ? 3_000 : false,
      queryFn: ({ signal }) => this.#ask<WorkerDetail>(`/api/workers/${segment(name)}`, { at }, signal),
    });

  schedules = () =>
    queryOptions({
      queryKey: ["schedules", live],
      refetchInterval: 15_000,
      queryFn: ({ signal }) => this.#ask<ScheduleList>("/api/schedules", {}, signal),
    });

  dead = (filter: Readonly<Record<"queue" | "task" | "reason", string | undefined>>) =>
    infiniteQueryOptions({
      queryKey: ["dead", live, filter],
      placeholderData: keepPreviousData,
      initialPageParam: "",
      queryFn: ({ signal, pageParam }) =>
        this.#ask<DeadLetterPage>("/api/dead", { ...filter, after: pageParam === "" ? undefined : pageParam }, signal),
      getNextPageParam: ({ next }) => next,
    });

  names = () =>
    queryOptions({
      queryKey: ["names"],
      staleTime: 30_000,
      queryFn: ({ signal }) => this.#ask<Names>("/api/names", {}, signal),
    });

  audit = () =>
    infiniteQueryOptions({
      queryKey: ["audit", live],
      initialPageParam: "",
      queryFn: ({ signal, pageParam }) =>
        this.#ask<AuditPage>(
          "/api/audit",
          { limit: firstRows, after: pageParam === "" ? undefined : pageParam },
          signal,
        ),
      getNextPageParam: ({ next }) => next,
    });

  #ask<T>(path: string, params: Params | object, signal: AbortSignal): Promise<T> {
    return this.#server.ask<T>(path, params as Params, signal);
  }
}

function whenOf(time: TimeChoice): string | number | TimeChoice {
  if (time.kind === "live") return live;
  return momentOf(time) ?? time;
}
