/** The dashboard's web app: makes the instruments, once, and puts the page together. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./app.tsx";
import { NoticeProvider } from "./part/notice.tsx";
import { useAddress, useQueryText } from "./place/address.ts";
import { Refusal, Server } from "./server/ask.ts";
import { type Instruments, InstrumentsProvider } from "./server/instruments.tsx";
import { LiveStream } from "./server/live-stream.ts";
import { Questions } from "./server/question.ts";
import { ServerClock } from "./server/server-clock.ts";
import { applyEvent } from "./server/stream-cache.ts";
import "./style.css";
import type { StreamEvent } from "../../src/dashboard/contract.ts";

const prefix = document.querySelector<HTMLMetaElement>('meta[name="celeriac-prefix"]')?.content ?? "";
/** After the last try for an answer, ms. */
const askAgain = 5_000;
/** What was refused will be refused again. */
const isRefused = (error: unknown): boolean => error instanceof Refusal && error.status >= 400 && error.status < 500;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      retry: (count, error) => count < 2 && !isRefused(error),
      // A server that was too busy, or away, is asked again while somebody waits for it.
      refetchInterval: ({ state: { status, error } }) => (status === "error" && !isRefused(error) ? askAgain : false),
    },
  },
});

const server = new Server(prefix);
const clock = new ServerClock();
const listeners = new Set<(event: StreamEvent) => void>();
const stream = new LiveStream({
  open: (topics) => new EventSource(server.url("/api/stream", { topics })),
  hear: (event) => {
    applyEvent(client, event);
    for (const listener of listeners) listener(event);
  },
});
const instruments: Instruments = {
  server,
  clock,
  stream,
  questions: new Questions(server, clock),
  listen: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

const root = document.querySelector("#root");
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <InstrumentsProvider value={instruments}>
          <Router base={prefix} hook={useAddress} searchHook={useQueryText}>
            <NoticeProvider>
              <App />
            </NoticeProvider>
          </Router>
        </InstrumentsProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
