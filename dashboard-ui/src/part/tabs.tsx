/** Tabs whose choice stands in the URL. */

import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

export interface Tab {
  readonly name: string;
  readonly label: string;
  readonly content: () => ReactNode;
}

export function Tabs({
  label,
  tabs,
  chosen,
  onChoose,
}: {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
}) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const index = Math.max(
    0,
    tabs.findIndex(({ name }) => name === chosen),
  );
  const current = tabs[index];
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : tabs[(index + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    onChoose(next.name);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.name}"]`)?.focus();
  };
  return (
    <div>
      <div
        ref={list}
        role="tablist"
        aria-label={label}
        className="quiet-scroll flex gap-1 overflow-x-auto border-b"
        onKeyDown={move}
      >
        {tabs.map(({ name, label }) => {
          const on = name === current?.name;
          return (
            <button
              key={name}
              type="button"
              role="tab"
              data-tab={name}
              id={`${id}-${name}`}
              aria-selected={on}
              aria-controls={`${id}-panel`}
              tabIndex={on ? 0 : -1}
              className={`-mb-px border-b-2 px-2.5 py-1.5 whitespace-nowrap ${on ? "border-accent font-semibold" : "border-transparent text-dim hover:text-ink"}`}
              onClick={() => onChoose(name)}
            >
              {label}
            </button>
          );
        })}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${current?.name ?? ""}`} className="pt-3">
        {current?.content()}
      </div>
    </div>
  );
}
