/** What became of a press, said once in a corner and to screen readers; it goes by itself unless something failed. */

import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";

export interface Notice {
  readonly text: string;
  readonly tone: "good" | "bad";
  readonly details?: readonly string[];
  /** Leads to what came of it. */
  readonly link?: ReactNode;
}

const lasting = 6_000;
const most = 4;

const Context = createContext<(notice: Notice) => void>(() => {});

export function useNotice(): (notice: Notice) => void {
  return useContext(Context);
}

export function NoticeProvider({ children }: { readonly children: ReactNode }) {
  const [notices, setNotices] = useState<readonly (Notice & { readonly key: number })[]>([]);
  const count = useRef(0);
  const drop = useCallback((key: number) => setNotices((old) => old.filter((one) => one.key !== key)), []);
  const say = useCallback(
    (notice: Notice) => {
      const key = ++count.current;
      setNotices((old) => [...old.slice(1 - most), { ...notice, key }]);
      if (notice.tone === "good") setTimeout(() => drop(key), lasting);
    },
    [drop],
  );
  const shown = useMemo(
    () =>
      notices.map(({ key, text, tone, details = [], link }) => (
        <div
          key={key}
          className={`pointer-events-auto flex items-start gap-3 rounded border bg-surface px-3 py-2 shadow-md ${tone === "bad" ? "border-failed" : "border-accent"}`}
        >
          <div className="min-w-0">
            <p className={`break-words ${tone === "bad" ? "text-failed" : ""}`}>{text}</p>
            {details.map((detail, index) => (
              <p key={index} className="text-small break-words text-dim">
                {detail}
              </p>
            ))}
            {link}
          </div>
          <button
            type="button"
            aria-label="Dismiss"
            className="rounded px-1 text-dim hover:text-ink"
            onClick={() => drop(key)}
          >
            ✕
          </button>
        </div>
      )),
    [notices, drop],
  );
  return (
    <Context value={say}>
      {children}
      <div
        role="status"
        aria-live="polite"
        className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-[min(26rem,calc(100vw-2rem))] flex-col gap-2"
      >
        {shown}
      </div>
    </Context>
  );
}
