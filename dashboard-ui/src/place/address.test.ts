/** Names in paths and queries come out as they were put in, whatever stands in them. */

import { createElement, type ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { Route, Router, useParams } from "wouter";
import { useAddress, useQueryText } from "./address.ts";
import { namePart, usePlace } from "./place.tsx";

afterEach(() => vi.unstubAllGlobals());

const prefix = "/ops/celeriac";

/** What the page of a task at this address sees of it, and where a change of its query leads. */
function seenAt(href: string): { readonly id: string; readonly text: string | null; readonly next: string } {
  const { pathname, search } = new URL(href, "http://localhost");
  const gone: string[] = [];
  const history = { replaceState: (_state: unknown, _title: string, to: string) => gone.push(to) };
  vi.stubGlobal("location", { pathname, search });
  vi.stubGlobal("history", history);
  const seen = { id: "", text: null as string | null };
  function Page(): ReactElement {
    const { params, change } = usePlace();
    Object.assign(seen, { id: namePart(useParams()["id"]), text: params.get("text") });
    change({ tab: "input" }, { replace: true });
    return createElement("p");
  }
  const children = createElement(Route, { path: "/tasks/:id", children: createElement(Page) });
  renderToStaticMarkup(createElement(Router, { base: prefix, hook: useAddress, searchHook: useQueryText, children }));
  return { ...seen, next: new URL(gone[0] ?? "", "http://localhost").href };
}

test.each(["\\u003cscript\\u003e", "a%41", "%", "50%25", "%2F..%2F", "a/b?c#d", "💾 & +", "'\"<"])(
  "%j is read as it stands there, and stays when the query changes",
  (name) => {
    const place = `${prefix}/tasks/${encodeURIComponent(name)}`;
    const { id, text, next } = seenAt(`${place}?${new URLSearchParams({ text: name }).toString()}`);
    expect({ id, text }).toEqual({ id: name, text: name });
    expect(next).toBe(
      new URL(`${place}?${new URLSearchParams({ text: name, tab: "input" }).toString()}`, "http://localhost").href,
    );
  },
);
