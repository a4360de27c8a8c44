/** An error with its causes: the frames of one's own code first, those of libraries behind a press, all texts as they came. */

import type { ErrorCause, ErrorReport, StackFrame } from "../../../../src/dashboard/contract.ts";
import { Code, Linked } from "../../part/code.tsx";

export function ErrorView({ error }: { readonly error: ErrorReport }) {
  return (
    <div className="flex flex-col gap-4">
      {error.causes.map((cause, index) => (
        <Cause key={index} cause={cause} inner={index > 0} />
      ))}
      {error.traceback === undefined ? null : (
        <details>
          <summary className="w-max rounded px-1 text-dim hover:text-ink">As it came</summary>
          <Code text={error.traceback} label="Traceback" />
        </details>
      )}
    </div>
  );
}

function Cause({ cause, inner }: { readonly cause: ErrorCause; readonly inner: boolean }) {
  const own = cause.frames.filter((frame) => frame.own);
  const others = cause.frames.filter((frame) => !frame.own);
  return (
    <div className="flex flex-col gap-1.5">
      {inner ? <p className="text-small text-dim">caused by</p> : null}
      <p className="break-words">
        <span className="font-semibold text-failed">{cause.type}</span>
        {cause.message === "" ? null : (
          <>
            {": "}
            <Linked text={cause.message} />
          </>
        )}
      </p>
      <Frames frames={own.length > 0 ? own : others} label="Stack" />
      {own.length > 0 && others.length > 0 ? (
        <details>
          <summary className="w-max rounded px-1 text-small text-dim hover:text-ink">{`${String(others.length)} frames of libraries`}</summary>
          <Frames frames={others} label="Frames of libraries" />
        </details>
      ) : null}
    </div>
  );
}

function Frames({ frames, label }: { readonly frames: readonly StackFrame[]; readonly label: string }) {
  if (frames.length === 0) return null;
  return (
    <ol
      aria-label={label}
      className="quiet-scroll overflow-x-auto rounded bg-sunken px-3 py-2 font-mono text-small"
      tabIndex={0}
    >
      {frames.map(({ file, line, column, name, source, own }, index) => (
        <li key={index} className={own ? "" : "text-dim"}>
          <span className="whitespace-pre">
            {name === undefined ? "" : `${name}  `}
            <span className={own ? "text-accent" : ""}>
              {file}
              {line === undefined ? "" : `:${String(line)}${column === undefined ? "" : `:${String(column)}`}`}
            </span>
          </span>
          {source === undefined ? null : <div className="pl-4 whitespace-pre text-dim">{source}</div>}
        </li>
      ))}
    </ol>
  );
}
