/** Small parts of pages: headings of sections, facts, chips, ids, bars, what is shown while nothing is there. */

import { type ReactNode, useState } from "react";
import { Refusal } from "../server/ask.ts";
import { shortId } from "../text/id.ts";
import { Button } from "./button.tsx";

export function Section({
  title,
  aside,
  children,
  className = "",
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  return (
    <section aria-label={title} className={`min-w-0 ${className}`}>
      <div className="mb-1.5 flex min-h-6 flex-wrap items-baseline justify-between gap-x-4">
        <h2 className="font-semibold">{title}</h2>
        {aside === undefined ? null : <div className="text-small text-dim">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** A figure with its name; pressed, it leads to what is behind it. */
export function Figure({
  label,
  children,
  ink = "",
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly ink?: string;
}) {
  return (
    <span className="flex flex-col">
      <span className="text-small text-dim">{label}</span>
      <span className={`text-large whitespace-nowrap ${ink}`}>{children}</span>
    </span>
  );
}

/** Names and values, one under the other. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode] | undefined)[] }) {
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1">
      {rows
        .filter((row) => row !== undefined)
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-dim">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function Chip({
  children,
  onRemove,
  label,
}: {
  readonly children: ReactNode;
  readonly onRemove?: () => void;
  readonly label?: string;
}) {
  return (
    <span className="inline-flex h-6 max-w-full items-center gap-1 rounded bg-sunken pl-2 pr-1 text-small">
      <span className="truncate">{children}</span>
      {onRemove === undefined ? (
        <span className="w-1" />
      ) : (
        <button
          type="button"
          className="rounded px-1 text-dim hover:text-ink"
          aria-label={`Remove ${label ?? ""}`}
          onClick={onRemove}
        >
          ✕
        </button>
      )}
    </span>
  );
}

/** Shortened in the middle; a press copies the whole. */
export function IdText({ id, whole = false }: { readonly id: string; readonly whole?: boolean }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      title={copied ? "Copied" : `${id}\nPress to copy`}
      className={`rounded font-mono text-small hover:bg-sunken ${whole ? "text-left break-all" : "whitespace-nowrap"}`}
      onClick={(event) => {
        event.stopPropagation();
        event.preventDefault();
        void navigator.clipboard?.writeText(id).then(
          () => setCopied(true),
          () => setCopied(false),
        );
      }}
      onMouseLeave={() => setCopied(false)}
    >
      {copied ? "copied" : whole ? id : shortId(id)}
    </button>
  );
}

/** 0…1 with a text that says the same. */
export function Bar({
  share,
  label,
  ink = "bg-running",
}: {
  readonly share: number;
  readonly label: string;
  readonly ink?: string;
}) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div
      role="progressbar"
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-label={label}
      className="h-1.5 w-full min-w-12 overflow-hidden rounded-full bg-sunken"
    >
      <div className={`h-full rounded-full ${ink}`} style={{ width: `${String(percent)}%` }} />
    </div>
  );
}

/** Teaches what would fill the page. */
export function Empty({
  title,
  children,
  code,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly code?: string;
}) {
  return (
    <div className="flex flex-col items-start gap-2 rounded border border-dashed border-line-strong/50 px-4 py-4">
      <p className="font-semibold">{title}</p>
      {children === undefined ? null : <div className="max-w-prose text-dim">{children}</div>}
      {code === undefined ? null : (
        <pre
          className="quiet-scroll max-w-full overflow-x-auto rounded bg-sunken px-3 py-2 font-mono text-small"
          tabIndex={0}
        >
          {code}
        </pre>
      )}
    </div>
  );
}

/** Grey lines where rows will be. */
export function Skeleton({ rows = 5 }: { readonly rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2 py-1">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="h-5 rounded bg-sunken" style={{ width: `${String(92 - ((index * 17) % 40))}%` }} />
      ))}
    </div>
  );
}

export function Trouble({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const code = error instanceof Refusal ? error.code : "";
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 rounded bg-bad-soft px-3 py-2">
      <span className="text-failed">{code}</span>
      <span className="min-w-0 break-words">{error.message}</span>
      {retry === undefined ? null : <Button onClick={retry}>Ask again</Button>}
    </div>
  );
}

/** The answer of a question: its rows, or why there are none. Data that is there stays while it is asked for again. */
export function Answer<T>({
  query,
  rows,
  children,
}: {
  readonly query: {
    readonly data: T | undefined;
    readonly error: Error | null;
    readonly refetch: () => unknown;
  };
  readonly rows?: number;
  readonly children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined)
    return (
      <>
        {query.error === null ? null : <Trouble error={query.error} retry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  if (query.error !== null) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  return <Skeleton rows={rows ?? 5} />;
}
