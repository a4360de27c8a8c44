/** One task with all that happened to it. */

import { useQuery } from "@tanstack/react-query";
import type { TaskDetail } from "../../../../src/dashboard/contract.ts";
import { useShownNow } from "../../part/age.tsx";
import { Answer, Empty, IdText, Section, Skeleton } from "../../part/bits.tsx";
import { late } from "../../part/late.tsx";
import { Code } from "../../part/code.tsx";
import { GapNote } from "../../part/gap-note.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { Tabs } from "../../part/tabs.tsx";
import { usePlace } from "../../place/place.tsx";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { durationText } from "../../text/duration.ts";
import { prettyLiteral } from "../../text/literal.ts";
import { countText } from "../../text/number.ts";
import { EditForm } from "./edit-form.tsx";
import { ErrorView } from "./error-view.tsx";
import { Family } from "./family.tsx";
import { LogView } from "./log-view.tsx";
import { MessageView } from "./message-view.tsx";
import { isUntold, Untold } from "./untold.tsx";
import { TaskActions } from "./task-actions.tsx";
import { InputView, ProgressLine, TaskFacts } from "./task-parts.tsx";
import { Waterfall } from "./waterfall.tsx";
import { isWaiting, WhyNotRunning } from "./why-not.tsx";

const WorkflowDrawing = late(() => import("../workflows/workflow-drawing.tsx"));

export default function TaskPage({ id }: { readonly id: string }) {
  const { time } = usePlace();
  const at = momentOf(time);
  const query = useQuery(useQuestions().task(id, at));
  useTopic(at === undefined ? `task:${id}` : undefined);
  return (
    <div className="quiet-scroll h-full overflow-y-auto p-3 sm:p-4">
      {isUntold(query.error) && at === undefined ? (
        <Untold id={id} />
      ) : (
        <Answer query={query} rows={10}>
          {(detail) => <Whole detail={detail} at={at} />}
        </Answer>
      )}
    </div>
  );
}

function Whole({ detail, at }: { readonly detail: TaskDetail; readonly at: number | undefined }) {
  const { params, change } = usePlace();
  const now = useShownNow();
  const { row } = detail;
  const over = ["succeeded", "failed", "revoked", "dead"].includes(row.state);
  const editing = params.get("edit") === "1";
  return (
    <div className="flex max-w-[110rem] flex-col gap-5">
      <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="text-large font-semibold break-words">{row.task ?? "A task whose name nobody told"}</h1>
          <p className="flex flex-wrap items-center gap-x-4">
            <StateMark state={row.state} />
            <span>{durationText((over ? row.since : now) - row.seen)} in all</span>
            <IdText id={row.id} />
          </p>
        </div>
        <TaskActions detail={detail} keys />
      </div>
      <GapNote gaps={detail.gaps} />
      <ProgressLine row={row} />
      {editing ? <EditForm detail={detail} onClose={() => change({ edit: undefined })} /> : null}
      {isWaiting(row) && at === undefined ? <WhyNotRunning id={row.id} /> : null}
      <div className="grid gap-x-8 gap-y-5 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <Waterfall detail={detail} />
        <Section title="Facts">
          <TaskFacts detail={detail} />
        </Section>
      </div>
      <Details detail={detail} at={at} />
    </div>
  );
}

function Details({ detail, at }: { readonly detail: TaskDetail; readonly at: number | undefined }) {
  const { params, change } = usePlace();
  const { row, error, result, logLines, root } = detail;
  const outcome = error === undefined ? "Result" : "Error";
  const tabs = [
    { name: "input", label: "Input", content: () => <InputView detail={detail} /> },
    {
      name: "outcome",
      label: outcome,
      content: () =>
        error === undefined ? (
          result === undefined ? (
            <Empty title={row.state === "succeeded" ? "Nobody told its result" : "It has none yet"} />
          ) : (
            <Code text={prettyLiteral(result)} label="Result" />
          )
        ) : (
          <ErrorView error={error} />
        ),
    },
    {
      name: "logs",
      label: logLines === 0 ? "Logs" : `Logs ${countText(logLines)}`,
      content: () => <LogView id={row.id} at={at} />,
    },
    {
      name: "workflow",
      label: "Workflow",
      content: () => (
        <div className="flex flex-col gap-4">
          <Family detail={detail} />
          {root === undefined && detail.childCount === 0 ? null : (
            <WorkflowDrawing root={root ?? row.id} at={at} marked={row.id} meanwhile={<Skeleton />} />
          )}
        </div>
      ),
    },
    { name: "message", label: "Message", content: () => <MessageView id={row.id} queue={row.queue} /> },
  ];
  const chosen = params.get("tab") ?? (error === undefined ? "input" : "outcome");
  return <Tabs label="Details" tabs={tabs} chosen={chosen} onChoose={(tab) => change({ tab }, { replace: true })} />;
}
