/** The short form of a task, beside the list it was chosen from. */

import { useQuery } from "@tanstack/react-query";
import { Answer, Section } from "../../part/bits.tsx";
import { Code } from "../../part/code.tsx";
import { Panel } from "../../part/panel.tsx";
import { Go, usePlace } from "../../place/place.tsx";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { shortTask } from "../../text/id.ts";
import { prettyLiteral } from "../../text/literal.ts";
import { ErrorView } from "./error-view.tsx";
import { isUntold, Untold } from "./untold.tsx";
import { TaskActions } from "./task-actions.tsx";
import { InputView, ProgressLine, TaskFacts } from "./task-parts.tsx";
import { Waterfall } from "./waterfall.tsx";
import { isWaiting, WhyNotRunning } from "./why-not.tsx";

export function TaskPanel({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { time } = usePlace();
  const at = momentOf(time);
  const query = useQuery(useQuestions().task(id, at));
  useTopic(at === undefined ? `task:${id}` : undefined);
  const name = query.data?.row.task;
  return (
    <Panel
      title={name === undefined ? id : shortTask(name)}
      onClose={onClose}
      actions={
        <Go
          to={`/tasks/${encodeURIComponent(id)}`}
          className="rounded px-2 py-1 whitespace-nowrap text-accent hover:underline"
        >
          Full page
        </Go>
      }
    >
      {isUntold(query.error) && at === undefined ? (
        <Untold id={id} />
      ) : (
        <Answer query={query}>
          {(detail) => (
            <>
              <TaskActions detail={detail} />
              <TaskFacts detail={detail} />
              <ProgressLine row={detail.row} />
              {isWaiting(detail.row) && at === undefined ? <WhyNotRunning id={id} /> : null}
              {detail.error === undefined ? null : (
                <Section title="Error">
                  <ErrorView error={detail.error} />
                </Section>
              )}
              <Waterfall detail={detail} />
              <Section title="Input">
                <InputView detail={detail} />
              </Section>
              {detail.result === undefined ? null : (
                <Section title="Result">
                  <Code text={prettyLiteral(detail.result)} label="Result" />
                </Section>
              )}
            </>
          )}
        </Answer>
      )}
    </Panel>
  );
}
