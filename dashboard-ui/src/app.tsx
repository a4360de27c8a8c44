/** The frame of all pages: who has not logged in is told so; everybody else sees the rail, the bar and the page that the URL names. */

import { useQuery } from "@tanstack/react-query";
import { Route, Switch } from "wouter";
import { MomentProvider } from "./part/age.tsx";
import { Empty, Skeleton, Trouble } from "./part/bits.tsx";
import { late, useAhead } from "./part/late.tsx";
import { namePart, usePlace } from "./place/place.tsx";
import { Refusal } from "./server/ask.ts";
import { useInstruments, useQuestions, useTopic } from "./server/instruments.tsx";
import { KeyList } from "./shell/key-list.tsx";
import { PastStrip } from "./shell/past-strip.tsx";
import { Rail, useRailKeys } from "./shell/rail.tsx";
import { TopBar } from "./shell/top-bar.tsx";
import { OverviewPage } from "./page/overview/overview-page.tsx";
import { TasksPage } from "./page/tasks/tasks-page.tsx";

const TaskPage = late(() => import("./page/task/task-page.tsx"));
const WorkflowsPage = late(() => import("./page/workflows/workflows-page.tsx"));
const WorkflowPage = late(() => import("./page/workflows/workflow-page.tsx"));
const QueuesPage = late(() => import("./page/queues/queues-page.tsx"));
const WorkersPage = late(() => import("./page/workers/workers-page.tsx"));
const SchedulesPage = late(() => import("./page/schedules/schedules-page.tsx"));
const DeadPage = late(() => import("./page/dead/dead-page.tsx"));
const AuditPage = late(() => import("./page/audit/audit-page.tsx"));
/** Loaded while the first page is looked at, those first that are pressed most. */
const ahead = [TaskPage, QueuesPage, WorkersPage, WorkflowsPage, WorkflowPage, SchedulesPage, DeadPage, AuditPage];

export function App() {
  const session = useQuery(useQuestions().session());
  if (session.data === undefined) return <Outside error={session.error} retry={() => void session.refetch()} />;
  return <Inside />;
}

function Inside() {
  useTopic("overview");
  useRailKeys();
  useAhead(ahead);
  return (
    <MomentProvider>
      <div className="flex h-full flex-col">
        <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">
          Skip to the page
        </a>
        <TopBar />
        <PastStrip />
        <div className="flex min-h-0 flex-1 flex-col-reverse sm:flex-row">
          <Rail />
          <main id="main" tabIndex={-1} className="min-h-0 min-w-0 flex-1 overflow-hidden outline-none">
            <Pages />
          </main>
        </div>
        <KeyList />
      </div>
    </MomentProvider>
  );
}

function Pages() {
  const meanwhile = (
    <div className="p-4">
      <Skeleton />
    </div>
  );
  return (
    <Switch>
      <Route path="/">
        <OverviewPage />
      </Route>
      <Route path="/tasks">
        <TasksPage />
      </Route>
      <Route path="/tasks/:id">{({ id }) => <TaskPage key={id} id={namePart(id)} meanwhile={meanwhile} />}</Route>
      <Route path="/workflows">
        <WorkflowsPage meanwhile={meanwhile} />
      </Route>
      <Route path="/workflows/:root">
        {({ root }) => <WorkflowPage key={root} root={namePart(root)} meanwhile={meanwhile} />}
      </Route>
      <Route path="/queues">
        <QueuesPage meanwhile={meanwhile} />
      </Route>
      <Route path="/workers">
        <WorkersPage meanwhile={meanwhile} />
      </Route>
      <Route path="/schedules">
        <SchedulesPage meanwhile={meanwhile} />
      </Route>
      <Route path="/dead">
        <DeadPage meanwhile={meanwhile} />
      </Route>
      <Route path="/audit">
        <AuditPage meanwhile={meanwhile} />
      </Route>
      <Route>
        <NoPage />
      </Route>
    </Switch>
  );
}

function NoPage() {
  const { path } = usePlace();
  return (
    <div className="p-4">
      <Empty title="There is no such page">{namePart(path)}</Empty>
    </div>
  );
}

function Outside({ error, retry }: { readonly error: Error | null; readonly retry: () => void }) {
  const { server } = useInstruments();
  if (error === null)
    return (
      <div className="p-4">
        <Skeleton />
      </div>
    );
  const loggedOut = error instanceof Refusal && error.status === 401;
  return (
    <main className="mx-auto flex h-full max-w-md flex-col items-start justify-center gap-4 p-4">
      <h1 className="text-large font-semibold">Celeriac</h1>
      {loggedOut ? (
        <>
          <p>You are not logged in.</p>
          <a
            className="inline-flex h-8 items-center rounded bg-accent px-3 text-on-accent"
            href={`${server.prefix}/login`}
          >
            Log in
          </a>
        </>
      ) : (
        <Trouble error={error} retry={retry} />
      )}
    </main>
  );
}
