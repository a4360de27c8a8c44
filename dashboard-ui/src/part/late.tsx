/**
 * Components whose code comes when they are first shown, or ahead of that. Not React's `lazy`: what has suspended once is shown 300 ms later at the
 * earliest (React holds back what follows a fallback), and what was loaded ahead suspends all the same.
 */

import { type ComponentType, type ReactNode, useEffect, useSyncExternalStore } from "react";
import { Trouble } from "./bits.tsx";

/** What stands for the component until its code is there. */
interface Meanwhile {
  readonly meanwhile?: ReactNode;
}

export interface Late<Props extends object> {
  (props: Props & Meanwhile): ReactNode;
  /** Never rejects: who shows the component is told, and may ask again. */
  readonly load: () => Promise<void>;
}

type Code<Props> =
  | { readonly component: ComponentType<Props> }
  | { readonly error: Error }
  | { readonly component?: undefined };

/**
 * A component of the module that `from` loads.
 *
 * @example
 * const QueuesPage = late(() => import("./page/queues/queues-page.tsx"));
 * void QueuesPage.load();
 */
export function late<Props extends object>(from: () => Promise<{ default: ComponentType<Props> }>): Late<Props> {
  let code: Code<Props> = {};
  let loading: Promise<void> | undefined;
  const shown = new Set<() => void>();
  const become = (next: Code<Props>): void => {
    code = next;
    for (const show of shown) show();
  };
  const load = (): Promise<void> =>
    (loading ??= from().then(
      (module) => become({ component: module.default }),
      (error: unknown) => {
        loading = undefined;
        const text = `The code of this part was not loaded; if the server is another version by now, load the page anew. (${String(error)})`;
        become({ error: new Error(text, { cause: error }) });
      },
    ));
  const subscribe = (show: () => void): (() => void) => {
    shown.add(show);
    return () => shown.delete(show);
  };
  const current = (): Code<Props> => code;

  function Shown({ meanwhile, ...props }: Props & Meanwhile): ReactNode {
    const now = useSyncExternalStore(subscribe, current);
    useEffect(() => void load(), []);
    if ("error" in now) return <Trouble error={now.error} retry={() => void load()} />;
    const Component = now.component;
    // What is left of the props is what the component takes; TypeScript cannot tell that of a rest.
    return Component === undefined ? meanwhile : <Component {...(props as unknown as Props)} />;
  }
  return Object.assign(Shown, { load });
}

/** Loads all, one after the other, once the browser has nothing better to do. */
export function useAhead(all: readonly { readonly load: () => Promise<void> }[]): void {
  useEffect(() => {
    let left = false;
    const loadAll = async (): Promise<void> => {
      for (const each of all) {
        if (left) return;
        await each.load();
      }
    };
    // Safari has no idle callbacks: there it is after a moment.
    if (typeof requestIdleCallback === "function") {
      const asked = requestIdleCallback(() => void loadAll(), { timeout: longestWait });
      return () => {
        left = true;
        cancelIdleCallback(asked);
      };
    }
    const timer = setTimeout(() => void loadAll(), longestWait);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [all]);
}

/** For a quiet moment, ms. */
const longestWait = 2_000;
