/** What may be done to one task now, by who looks. */

import type { TaskActionKind, TaskDetail } from "../../../../src/dashboard/contract.ts";
import { Button, ConfirmButton } from "../../part/button.tsx";
import { Go, usePlace } from "../../place/place.tsx";
import { useKeys } from "../../place/keys.ts";
import { useMay, usePress } from "../../server/press.tsx";
import { MoveForm } from "./move-form.tsx";

/** What waits is moved in its queue or into another, and what is not due yet into another alone; what runs is taken from its worker, whose code may have done half of its work. */
function PutBack({ detail: { row } }: { readonly detail: TaskDetail }) {
  const { press, busy } = usePress();
  const tasks = { ids: [row.id] };
  if (row.state === "running") {
    return (
      <ConfirmButton
        label="Give back"
        question="Take it from its worker and run it again?"
        disabled={busy}
        onConfirm={() => press({ do: "task.requeue", tasks })}
      />
    );
  }
  const move = <MoveForm tasks={tasks} from={row.queue} />;
  if (row.state !== "queued") return move;
  return (
    <>
      <Button
        disabled={busy}
        title="Before all that wait in its queue"
        onClick={() => press({ do: "task.requeue", tasks })}
      >
        To the front
      </Button>
      <Button
        disabled={busy}
        title="Behind all that wait in its queue"
        onClick={() => press({ do: "task.requeue", tasks, at: "back" })}
      >
        To the end
      </Button>
      {move}
    </>
  );
}

export function TaskActions({ detail, keys = false }: { readonly detail: TaskDetail; readonly keys?: boolean }) {
  const { press, busy } = usePress();
  const { go } = usePlace();
  const may = useMay();
  const { id, task } = detail.row;
  const tasks = { ids: [id] };
  const can = (kind: TaskActionKind): boolean => detail.actions.includes(kind);
  const edit = (): void => go(`/tasks/${encodeURIComponent(id)}`, { edit: "1" });
  const again = (can("retry") || can("redrive")) && may("task.retry");
  useKeys(
    keys
      ? {
          r: again ? () => press({ do: "task.retry", tasks }) : undefined,
          c: can("cancel") && may("task.cancel") ? () => press({ do: "task.cancel", tasks }) : undefined,
          e: can("edit-and-run") && may("task.edit-and-run") ? edit : undefined,
        }
      : {},
  );
  return (
    <div role="group" aria-label="Actions" className="flex flex-wrap items-center gap-2">
      {again ? (
        <Button tone="main" disabled={busy} onClick={() => press({ do: "task.retry", tasks })}>
          {can("redrive") ? "Redrive" : "Retry"}
        </Button>
      ) : null}
      {can("cancel") && may("task.cancel") ? (
        <Button disabled={busy} onClick={() => press({ do: "task.cancel", tasks })}>
          Cancel
        </Button>
      ) : null}
      {can("revoke") && may("task.revoke") ? (
        <Button
          disabled={busy}
          title="Keeps it from running, also where it waits for its time"
          onClick={() => press({ do: "task.revoke", tasks })}
        >
          Revoke
        </Button>
      ) : null}
      {can("requeue") && may("task.requeue") ? <PutBack detail={detail} /> : null}
      {can("edit-and-run") && may("task.edit-and-run") ? <Button onClick={edit}>Edit and run again</Button> : null}
      {can("terminate") && may("task.revoke") ? (
        <ConfirmButton
          label="Terminate"
          question="End its process?"
          disabled={busy}
          onConfirm={() => press({ do: "task.revoke", tasks, terminate: true })}
        />
      ) : null}
      {can("drop") && may("dead.drop") ? (
        <Go to="/dead" with={task === undefined ? {} : { task }} className="underline">
          Its dead letter
        </Go>
      ) : null}
    </div>
  );
}
