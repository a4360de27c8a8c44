/** What every page works with: the server, its clock, its stream and its questions. One of each for the window, made in `main.tsx`. */

import { createContext, type ReactNode, useContext, useEffect, useSyncExternalStore } from "react";
import type { Questions } from "./question.ts";
import type { Server } from "./ask.ts";
import type { ServerClock } from "./server-clock.ts";
import type { LiveStream, StreamState } from "./live-stream.ts";
import type { StreamEvent } from "../../../src/dashboard/contract.ts";

export interface Instruments {
  readonly server: Server;
  readonly clock: ServerClock;
  readonly stream: LiveStream;
  readonly questions: Questions;
  /** Hears every event of the stream, until what it gives is called. */
  readonly listen: (listener: (event: StreamEvent) => void) => () => void;
}

const Context = createContext<Instruments | undefined>(undefined);

export function InstrumentsProvider({
  value,
  children,
}: {
  readonly value: Instruments;
  readonly children: ReactNode;
}) {
  return <Context value={value}>{children}</Context>;
}

export function useInstruments(): Instruments {
  const instruments = useContext(Context);
  if (instruments === undefined) throw new Error("no instruments around this component");
  return instruments;
}

export function useQuestions(): Questions {
  return useInstruments().questions;
}

/** The server's time, each second anew. */
export function useNow(): number {
  const { clock } = useInstruments();
  return useSyncExternalStore(clock.subscribe, clock.shown);
}

export function useStreamState(): StreamState {
  const { stream } = useInstruments();
  return useSyncExternalStore(stream.subscribe, stream.state);
}

/** Follows the topic while the component is there; `undefined`: none. */
export function useTopic(topic: string | undefined): void {
  const { stream } = useInstruments();
  useEffect(() => (topic === undefined ? undefined : stream.follow(topic)), [stream, topic]);
}
