/** The seven places: on the left, and at the foot of a phone. */

import type { ReactNode } from "react";
import { Go, usePlace } from "../place/place.tsx";
import { useKeys } from "../place/keys.ts";

interface Entry {
  readonly path: string;
  readonly label: string;
  /** After "g". */
  readonly key: string;
  readonly shape: ReactNode;
}

const entries: readonly Entry[] = [
  { path: "/", label: "Overview", key: "o", shape: <path d="M2 11.5 5.5 7l3 2.5L14 3.5M2 14h12" /> },
  { path: "/tasks", label: "Tasks", key: "t", shape: <path d="M2 4h2m3 0h7M2 8h2m3 0h7M2 12h2m3 0h7" /> },
  {
    path: "/workflows",
    label: "Workflows",
    key: "f",
    shape: <path d="M2 6h3.5v4H2zM10.500 2H14v4h-3.500zM10.500 10H14v4h-3.500zM5.500 8H8m0 0V4h2.500M8 8v4h2.500" />,
  },
  { path: "/queues", label: "Queues", key: "q", shape: <path d="M2 3.500h12v3H2zM2 9.500h8v3H2zM12.500 9.500v3" /> },
  {
    path: "/workers",
    label: "Workers",
    key: "w",
    shape: (
      <path d="M2.500 2.500h4.500v4.500H2.500zM9 2.500h4.500v4.500H9zM2.500 9h4.500v4.500H2.500zM9 9h4.500v4.500H9z" />
    ),
  },
  {
    path: "/schedules",
    label: "Schedules",
    key: "s",
    shape: <path d="M8 4.500V8l2.500 1.500M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 0 0 8 1.800z" />,
  },
  { path: "/dead", label: "Dead letters", key: "d", shape: <path d="M2 4h12v8.500H2zM2 4l6 5 6-5" /> },
];

export function useRailKeys(): void {
  const { go } = usePlace();
  useKeys(Object.fromEntries(entries.map(({ key, path }) => [`g ${key}`, () => go(path)])));
}

export function Rail() {
  const { path } = usePlace();
  return (
    <nav
      aria-label="Places"
      className="quiet-scroll flex shrink-0 overflow-x-auto border-t bg-surface sm:w-12 sm:flex-col sm:gap-0.5 sm:border-t-0 sm:border-r sm:p-1.5 lg:w-40"
    >
      {entries.map(({ path: target, label, shape, key }) => {
        const here = target === "/" ? path === "/" : path === target || path.startsWith(`${target}/`);
        return (
          <Go
            key={target}
            to={target}
            title={`${label} (g ${key})`}
            aria-current={here ? "page" : undefined}
            className={`flex items-center gap-2 rounded max-sm:min-w-14 max-sm:flex-1 max-sm:flex-col max-sm:gap-0.5 max-sm:py-1.5 max-sm:text-[10px]/4 max-sm:tracking-tight sm:px-2 sm:py-1.5 ${here ? "bg-accent-soft text-accent sm:font-semibold" : "text-dim hover:bg-sunken hover:text-ink"}`}
          >
            <svg
              viewBox="0 0 16 16"
              className="size-4 shrink-0"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.4"
              strokeLinejoin="round"
              strokeLinecap="round"
              aria-hidden="true"
            >
              {shape}
            </svg>
            <span className="whitespace-nowrap max-sm:max-w-full max-sm:truncate sm:max-lg:sr-only">
              {label === "Dead letters" ? (
                <>
                  <span>Dead</span>
                  <span className="max-sm:sr-only"> letters</span>
                </>
              ) : (
                label
              )}
            </span>
          </Go>
        );
      })}
    </nav>
  );
}
