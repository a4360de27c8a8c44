/**
 * Where the person is: path and query are all the state there is, so every view can be sent to somebody else. What is chosen of the time
 * stays when one goes to another page; everything else belongs to its page.
 */

import { type ComponentProps, type ReactNode, useCallback, useMemo } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { readTime, type TimeChoice, timeParams, writeTime } from "./time-choice.ts";

export type Change = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Place {
  readonly path: string;
  readonly params: URLSearchParams;
  readonly time: TimeChoice;
  /** Changes some of the query and stays. By default in the history of the browser too. */
  readonly change: (change: Change, how?: { readonly replace?: boolean }) => void;
  readonly setTime: (choice: TimeChoice) => void;
  /** The URL of another page, with the time as it is chosen. */
  readonly to: (path: string, params?: Change) => string;
  readonly go: (path: string, params?: Change) => void;
}

export function usePlace(): Place {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const time = useMemo(() => readTime(params), [params]);
  const change = useCallback<Place["change"]>(
    (change, { replace = false } = {}) => {
      // Two changes in one turn must not undo each other, so the window's own query counts.
      const next = new URLSearchParams(globalThis.location.search);
      apply(next, change);
      navigate(withQuery(path, next), { replace });
    },
    [path, navigate],
  );
  const setTime = useCallback(
    (choice: TimeChoice) => {
      const next = new URLSearchParams(globalThis.location.search);
      writeTime(next, choice);
      navigate(withQuery(path, next));
    },
    [path, navigate],
  );
  const to = useCallback(
    (target: string, change: Change = {}) => {
      const next = new URLSearchParams();
      for (const name of timeParams) {
        const value = params.get(name);
        if (value !== null) next.set(name, value);
      }
      apply(next, change);
      return withQuery(target, next);
    },
    [params],
  );
  const go = useCallback((target: string, change?: Change) => navigate(to(target, change)), [navigate, to]);
  return { path, params, time, change, setTime, to, go };
}

/** A link inside the dashboard. */
export function Go({
  to,
  with: params,
  ...rest
}: { readonly to: string; readonly with?: Change; readonly children: ReactNode } & Omit<ComponentProps<"a">, "href">) {
  const place = usePlace();
  return <Link href={place.to(to, params)} {...rest} />;
}

/** Part of a path that came out of a URL. */
export function namePart(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return text ?? "";
  }
}

function apply(params: URLSearchParams, change: Change): void {
  for (const [name, value] of Object.entries(change)) {
    params.delete(name);
    if (value === undefined || value === "") continue;
    if (typeof value === "string") params.set(name, value);
    else for (const one of value) params.append(name, one);
  }
}

function withQuery(path: string, params: URLSearchParams): string {
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}
