/** The panel on the right: the list stays, Escape closes it, and on a phone it covers the page. */

import { type ReactNode, useEffect, useRef } from "react";
import { useKeys } from "../place/keys.ts";

export function Panel({
  title,
  onClose,
  actions,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  const body = useRef<HTMLElement>(null);
  useKeys({ Escape: onClose });
  // Another row, another top.
  useEffect(() => {
    // Newer browsers give a promise, which is no clean-up.
    body.current?.scrollTo({ top: 0 });
  }, [title]);
  return (
    <aside
      ref={body}
      aria-label={title}
      className="quiet-scroll fixed inset-0 z-30 flex flex-col overflow-y-auto border-l bg-surface md:static md:z-auto md:w-[26rem] md:shrink-0 xl:w-[34rem]"
    >
      <div className="sticky top-0 z-10 flex items-center gap-2 border-b bg-surface px-4 py-2">
        <h2 className="min-w-0 flex-1 truncate font-semibold" title={title}>
          {title}
        </h2>
        {actions}
        <button
          type="button"
          aria-label="Close the panel"
          className="rounded px-2 py-1 text-dim hover:bg-sunken hover:text-ink"
          onClick={onClose}
        >
          ✕
        </button>
      </div>
      <div className="flex flex-col gap-5 px-4 py-3">{children}</div>
    </aside>
  );
}

/** A page with its list on the left and, where a row is open, its panel on the right. */
export function WithPanel({ children, panel }: { readonly children: ReactNode; readonly panel: ReactNode }) {
  return (
    <div className="flex h-full min-h-0">
      <div className="quiet-scroll @container flex min-w-0 flex-1 flex-col overflow-y-auto">{children}</div>
      {panel}
    </div>
  );
}
