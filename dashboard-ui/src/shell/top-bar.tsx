/** Where one is connected to, how it goes in one sentence, search, the time control, and who one is. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useKeys } from "../place/keys.ts";
import { Go, usePlace } from "../place/place.tsx";
import { useQuestions, useStreamState } from "../server/instruments.tsx";
import { useSession } from "../server/press.tsx";
import { TimeControl } from "./time-control.tsx";

export function TopBar() {
  const session = useSession();
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b bg-surface px-3 py-1.5 sm:px-4">
      <Go
        to="/"
        className="flex items-center gap-2 font-semibold"
        aria-label={`Celeriac, ${session?.environment ?? ""}, overview`}
      >
        <svg viewBox="0 0 32 32" className="size-5" aria-hidden="true">
          <rect width="32" height="32" rx="7" className="fill-accent" />
          <path
            d="M23 12a8 8 0 1 0 0 9"
            fill="none"
            className="stroke-on-accent"
            strokeWidth="3.6"
            strokeLinecap="round"
          />
        </svg>
        <span className="max-w-48 truncate">{session?.environment}</span>
      </Go>
      <Health />
      <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1.5 max-md:w-full md:ml-auto">
        <Search />
        <TimeControl />
        <User />
      </div>
    </header>
  );
}

const healthInk = { good: "text-succeeded", attention: "text-retrying", bad: "text-failed" } as const;
const healthWord = { good: "●", attention: "▲", bad: "■" } as const;

function Health() {
  const { data } = useQuery(useQuestions().health());
  const session = useSession();
  const stream = useStreamState();
  const troubles = [
    session?.broker.connected === false ? "The broker does not answer." : "",
    stream === "lost" ? "Connection lost, trying again…" : "",
    session?.history.recording === false ? (session.history.warning ?? "Nothing is being recorded.") : "",
  ].filter((text) => text !== "");
  return (
    // On a phone on a line of its own: it must not move the page when its figures grow.
    <p
      role="status"
      aria-label="Health"
      className="flex min-w-0 flex-wrap items-baseline gap-x-3 max-sm:basis-full max-sm:text-small"
    >
      {data === undefined ? null : (
        <span className="min-w-0">
          <span className={`mr-1.5 ${healthInk[data.level]}`} aria-hidden="true">
            {healthWord[data.level]}
          </span>
          {data.text}
          {/failure/.test(data.text) ? " in the last 5 min" : ""}
        </span>
      )}
      {troubles.map((text) => (
        <span key={text} className="text-failed">
          {text}
        </span>
      ))}
    </p>
  );
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function Search() {
  const { go, path, params, change } = usePlace();
  const field = useRef<HTMLInputElement>(null);
  const inUrl = path === "/tasks" ? (params.get("text") ?? "") : "";
  const [text, setText] = useState(inUrl);
  useEffect(() => setText(inUrl), [inUrl]);
  useKeys({ "/": () => field.current?.focus() });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wanted = text.trim();
    if (uuid.test(wanted)) go(`/tasks/${wanted}`);
    else if (path === "/tasks") change({ text: wanted, row: undefined });
    else go("/tasks", { text: wanted });
  };
  return (
    <form role="search" onSubmit={submit} className="min-w-0 max-md:flex-1 max-sm:basis-full">
      <input
        ref={field}
        type="search"
        value={text}
        maxLength={200}
        aria-label="Search tasks by id, arguments, result or error"
        placeholder="Search id, args, error   /"
        className="h-7 w-full min-w-24 rounded border border-line-strong/60 bg-ground px-2 max-sm:h-9 md:w-52"
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => {
          if (key === "Escape") field.current?.blur();
        }}
      />
    </form>
  );
}

function User() {
  const session = useSession();
  if (session === undefined) return null;
  const { user, readOnly, login } = session;
  const name = user === null ? "this machine" : `${user.name} · ${user.role}`;
  return (
    <span className="flex items-center gap-2 text-dim">
      {readOnly ? <span className="rounded bg-sunken px-1.5 text-small">read only</span> : null}
      {user === null || user.role === "admin" ? (
        <Go to="/audit" className="whitespace-nowrap hover:text-ink" title="What was done here, and by whom">
          {name}
        </Go>
      ) : (
        <span className="whitespace-nowrap">{name}</span>
      )}
      {login.logout === undefined ? null : (
        <a href={login.logout} className="hover:text-ink">
          Log out
        </a>
      )}
    </span>
  );
}
