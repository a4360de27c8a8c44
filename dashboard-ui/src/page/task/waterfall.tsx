/** Every attempt and its steps on one time axis: waited, claimed, ran, and how it ended. The same as a list, for who sees no picture. */

import type { Attempt, StepKind, TaskDetail, TaskState } from "../../../../src/dashboard/contract.ts";
import { At, useShownNow } from "../../part/age.tsx";
import { Section } from "../../part/bits.tsx";
import { StateShape, stateFill } from "../../part/state-mark.tsx";
import { durationText } from "../../text/duration.ts";
import { clockText } from "../../text/moment.ts";
import { type Axis, marksOf, placeOn } from "./axis.ts";

const ends: Readonly<Record<NonNullable<Attempt["end"]>, TaskState>> = {
  succeeded: "succeeded",
  failed: "failed",
  retried: "retrying",
  returned: "queued",
  crashed: "failed",
  revoked: "revoked",
  rejected: "failed",
  dead: "dead",
};

const words: Readonly<Record<StepKind, string>> = {
  sent: "sent",
  received: "claimed",
  started: "started",
  checkpoint: "checkpoint",
  progress: "progress",
  retried: "to be tried again",
  returned: "given back",
  crashed: "crashed",
  succeeded: "succeeded",
  failed: "failed",
  revoked: "revoked",
  rejected: "rejected",
  dead: "buried as a dead letter",
  event: "event",
};

/** Checkpoints that are drawn over the whole bar. */
const mostTall = 12;

export function Waterfall({ detail }: { readonly detail: TaskDetail }) {
  const now = useShownNow();
  const { attempts, row, stepsLeftOut } = detail;
  const axis = axisOf(detail, now);
  const marks = marksOf(axis);
  if (attempts.length === 0) return null;
  return (
    <Section title="What happened" aside={<span>{durationText(axis.until - axis.from)} in all</span>}>
      <div className="rounded border bg-surface">
        <div className="relative ml-24 h-5 border-b text-small text-dim" aria-hidden="true">
          {marks.map((offset) => (
            <span
              key={offset}
              className="absolute top-0.5 -translate-x-1/2 whitespace-nowrap"
              style={{ left: `${String(placeOn(axis, axis.from + offset))}%` }}
            >
              {durationText(offset).replace(/\.0+ s$/, " s")}
            </span>
          ))}
        </div>
        {attempts.map((attempt) => (
          <AttemptLine
            key={`${String(attempt.number)} ${String(attempt.queued ?? attempt.claimed ?? 0)}`}
            attempt={attempt}
            axis={axis}
            marks={marks}
            now={now}
            running={row.state === "running"}
          />
        ))}
      </div>
      <details className="mt-1" open={attempts.length < 3}>
        <summary className="w-max rounded px-1 text-small text-dim hover:text-ink">Every step</summary>
        <StepList attempts={attempts} leftOut={stepsLeftOut} />
      </details>
    </Section>
  );
}

function AttemptLine({
  attempt,
  axis,
  marks,
  now,
  running,
}: {
  readonly attempt: Attempt;
  readonly axis: Axis;
  readonly marks: readonly number[];
  readonly now: number;
  readonly running: boolean;
}) {
  const { number, queued, claimed, started, ended, end, steps, worker, pid, fence } = attempt;
  const stop = ended ?? (running && started !== undefined ? now : undefined);
  const wait = { from: queued ?? claimed, until: started ?? claimed ?? ended ?? now };
  const state: TaskState = end === undefined ? (started === undefined ? "queued" : "running") : ends[end];
  const who = [
    worker,
    pid === undefined ? "" : `pid ${String(pid)}`,
    fence === undefined ? "" : `fence ${String(fence)}`,
  ]
    .filter((text) => text !== undefined && text !== "")
    .join(" · ");
  const signs = steps.filter(({ kind }) => kind === "checkpoint" || kind === "event" || kind === "progress");
  // Many would hide the bar that they stand on.
  const tall = signs.length > mostTall ? "top-0 h-1.5" : "top-0 h-5";
  return (
    <div className="flex border-b last:border-b-0">
      <div className="w-24 shrink-0 py-1 pl-2">
        <span className="flex items-center gap-1.5 whitespace-nowrap">
          <StateShape state={state} />
          <span>{number === 1 && end === undefined ? state : `attempt ${String(number)}`}</span>
        </span>
      </div>
      <div className="min-w-0 flex-1 py-1">
        <div className="relative h-5 overflow-hidden" role="img" aria-label={spoken(attempt, now)}>
          {marks.map((offset) => (
            <span
              key={offset}
              className="absolute inset-y-0 w-px bg-line"
              style={{ left: `${String(placeOn(axis, axis.from + offset))}%` }}
            />
          ))}
          {wait.from === undefined ? null : (
            <Span
              axis={axis}
              from={wait.from}
              until={wait.until}
              look="top-2 h-1 bg-line-strong"
              title={`waited ${durationText(wait.until - wait.from)}`}
            />
          )}
          {started === undefined || stop === undefined ? null : (
            <Span
              axis={axis}
              from={started}
              until={stop}
              look={`top-0.5 h-4 rounded-xs ${stateFill[state]} ${state === "running" ? "opacity-80" : ""}`}
              title={`ran ${durationText(stop - started)}`}
            />
          )}
          {signs.map(({ at, kind, text }, index) => (
            <span
              key={index}
              className={`absolute w-0.5 bg-ink ${kind === "progress" ? "bottom-0 h-1.5" : tall}`}
              title={`${words[kind]} ${text ?? ""}`}
              style={{ left: `${String(placeOn(axis, at))}%` }}
            />
          ))}
        </div>
        <p className="flex flex-wrap gap-x-3 pr-2 text-small text-dim">
          <span className="min-w-0 break-words">{who}</span>
          {wait.from === undefined || started === undefined ? null : (
            <span>waited {durationText(started - wait.from)}</span>
          )}
          {started === undefined || stop === undefined ? null : <span>ran {durationText(stop - started)}</span>}
          {attempt.error === undefined ? null : <span className="min-w-0 truncate text-failed">{attempt.error}</span>}
        </p>
      </div>
    </div>
  );
}

function Span({
  axis,
  from,
  until,
  look,
  title,
}: {
  readonly axis: Axis;
  readonly from: number;
  readonly until: number;
  readonly look: string;
  readonly title: string;
}) {
  const left = placeOn(axis, from);
  return (
    <span
      className={`absolute min-w-0.5 ${look}`}
      title={title}
      style={{
        left: `min(${String(left)}%, 100% - 2px)`,
        width: `${String(Math.max(0, placeOn(axis, until) - left))}%`,
      }}
    />
  );
}

function StepList({ attempts, leftOut }: { readonly attempts: readonly Attempt[]; readonly leftOut: number }) {
  return (
    <div className="quiet-scroll max-h-80 overflow-y-auto" tabIndex={0} role="region" aria-label="Every step">
      <ol className="mt-1 grid grid-cols-[max-content_max-content_minmax(0,1fr)] gap-x-4 text-small">
        {attempts.flatMap(({ number, steps }) =>
          steps.map(({ kind, at, text, worker, pid, fence, due }, index) => (
            <li key={`${String(number)} ${String(index)}`} className="contents">
              <span className="text-dim">
                <At at={at} />
              </span>
              <span>{words[kind]}</span>
              <span className="min-w-0 break-words text-dim">
                {[
                  text,
                  due === undefined ? undefined : `not before ${clockText(due, at)}`,
                  worker,
                  pid === undefined ? undefined : `pid ${String(pid)}`,
                  fence === undefined ? undefined : `fence ${String(fence)}`,
                ]
                  .filter((part) => part !== undefined)
                  .join(" · ")}
              </span>
            </li>
          )),
        )}
      </ol>
      {leftOut === 0 ? null : (
        <p className="text-small text-dim">{`${String(leftOut)} steps in the middle are left out.`}</p>
      )}
    </div>
  );
}

function axisOf({ row, attempts }: TaskDetail, now: number): Axis {
  const moments = attempts.flatMap(({ queued, claimed, started, ended, steps }) => [
    queued,
    claimed,
    started,
    ended,
    ...steps.map(({ at }) => at),
  ]);
  const known = moments.filter((at) => at !== undefined);
  const from = Math.min(row.seen, ...known);
  const over = ["succeeded", "failed", "revoked", "dead"].includes(row.state);
  return { from, until: Math.max(from + 1, row.since, ...known, ...(over ? [] : [now])) };
}

function spoken({ number, queued, started, ended, end }: Attempt, now: number): string {
  const parts = [`attempt ${String(number)}`];
  if (queued !== undefined) parts.push(`waited ${durationText((started ?? ended ?? now) - queued)}`);
  if (started !== undefined) parts.push(`ran ${durationText((ended ?? now) - started)}`);
  if (end !== undefined) parts.push(end);
  return parts.join(", ");
}
