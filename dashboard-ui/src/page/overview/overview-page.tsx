/** The first page: how it goes, and the three lists that say what is wrong. Every figure leads to the tasks behind it. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Latency, Overview, TaskState } from "../../../../src/dashboard/contract.ts";
import { TimeChart } from "../../chart/chart.tsx";
import { failureRateOf, latencyOf, levelOf, throughputOf } from "../../chart/lines.ts";
import { Answer, Figure, Section } from "../../part/bits.tsx";
import { GapNote } from "../../part/gap-note.tsx";
import { stateInk } from "../../part/state-mark.tsx";
import { Go, usePlace } from "../../place/place.tsx";
import { follows } from "../../place/time-choice.ts";
import { useInstruments, useQuestions, useTopic } from "../../server/instruments.tsx";
import { durationSteps, durationText } from "../../text/duration.ts";
import { countText, rateText, shareText, shortCountText } from "../../text/number.ts";
import { Failing, Longest, Waiting } from "./answer-lists.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { WorkerStrip } from "./worker-strip.tsx";

export function OverviewPage() {
  const { time } = usePlace();
  const query = useQuery(useQuestions().overview(time));
  return (
    <div className="quiet-scroll h-full overflow-y-auto p-3 sm:p-4">
      <h1 className="sr-only">Overview</h1>
      <Answer query={query} rows={12}>
        {(overview) =>
          isUntouched(overview) ? <FirstSteps workers={overview.workers.length} /> : <Figures overview={overview} />
        }
      </Answer>
    </div>
  );
}

function isUntouched({ since, now, outcomes }: Overview): boolean {
  const any = Object.values(outcomes).some((count) => count > 0);
  return (
    !any &&
    (since === undefined || now.queued + now.delayed + now.running + now.retrying + now.throughput === 0) &&
    since === undefined
  );
}

function Figures({ overview }: { readonly overview: Overview }) {
  const { time } = usePlace();
  const { questions } = useInstruments();
  useTopic(follows(time) ? "queues" : undefined);
  const queues = useQuery({ ...questions.queues(undefined), enabled: follows(time) }).data?.items;
  const { series, now, outcomes, wait, run, range } = overview;
  const { from, until } = range;
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap gap-x-7 gap-y-3">
        <Figure label="throughput">{rateText(now.throughput)}</Figure>
        <StateFigure state="queued" count={now.queued} />
        <StateFigure state="delayed" count={now.delayed} />
        <StateFigure state="running" count={now.running} />
        <StateFigure state="retrying" count={now.retrying} />
        <StateFigure state="succeeded" count={outcomes.succeeded} />
        <StateFigure state="failed" count={outcomes.failed} />
        <StateFigure state="dead" count={outcomes.dead} />
        <Go to="/workers" className="hover:underline">
          <Figure label="workers">{countText(now.workers)}</Figure>
        </Go>
      </div>
      <GapNote gaps={series.gaps} />
      <div className="grid gap-x-6 gap-y-4 lg:grid-cols-2">
        <TimeChart
          title="Throughput by outcome"
          data={throughputOf(series)}
          from={from}
          until={until}
          format={rateText}
          height={160}
        />
        <TimeChart
          title={`Failure rate ${shareText(now.failureRate)}`}
          data={failureRateOf(series)}
          from={from}
          until={until}
          format={shareText}
          height={160}
        />
        <TimeChart
          title={`Waited ${latencyWords(wait)}`}
          data={latencyOf(series, "wait")}
          from={from}
          until={until}
          format={durationText}
          steps={durationSteps}
        />
        <TimeChart
          title={`Ran ${latencyWords(run)}`}
          data={latencyOf(series, "run")}
          from={from}
          until={until}
          format={durationText}
          steps={durationSteps}
        />
      </div>
      <Levels overview={overview} />
      <div className="grid gap-x-6 gap-y-5 xl:grid-cols-3">
        <Failing groups={overview.failing} />
        <Waiting kept={overview.waiting} now={follows(time) ? queues : undefined} />
        <Longest rows={overview.longest} />
      </div>
      <Section
        title="Workers"
        aside={
          <Go to="/workers" className="hover:underline">
            all workers
          </Go>
        }
      >
        <WorkerStrip workers={overview.workers} />
      </Section>
    </div>
  );
}

/** An axis of few has steps between whole numbers, which nobody counts. */
function wholeText(count: number): string {
  return Number.isInteger(count) ? shortCountText(count) : "";
}

/** How full it was: smaller than what came of it, and below. */
function Levels({ overview: { series, range } }: { readonly overview: Overview }) {
  const { from, until } = range;
  const place = { from, until, height: 100 };
  return (
    <div className="grid gap-x-6 gap-y-4 sm:grid-cols-2 xl:grid-cols-4">
      <TimeChart
        title="Queue depth"
        data={levelOf(series, "depth", "waiting", "--queued")}
        format={wholeText}
        {...place}
      />
      <TimeChart
        title="Oldest in a queue"
        data={levelOf(series, "oldest", "has waited", "--retrying")}
        format={durationText}
        steps={durationSteps}
        {...place}
      />
      <TimeChart
        title="Running tasks"
        data={levelOf(series, "running", "running", "--running")}
        format={wholeText}
        {...place}
      />
      <TimeChart
        title="Workers online"
        data={levelOf(series, "workers", "workers", "--succeeded")}
        format={wholeText}
        {...place}
      />
    </div>
  );
}

function StateFigure({ state, count }: { readonly state: TaskState; readonly count: number }): ReactNode {
  return (
    <Go to="/tasks" with={{ state }} className="hover:underline">
      <Figure label={state} ink={count === 0 ? "text-dim" : stateInk[state]}>
        {countText(count)}
      </Figure>
    </Go>
  );
}

function latencyWords(latency: Latency | undefined): string {
  return latency === undefined ? "" : `p50 ${durationText(latency.p50)} · p95 ${durationText(latency.p95)}`;
}
