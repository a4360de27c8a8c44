/** What everything behind the routes works with; one of it for each dashboard. */

import type { AppCore } from "../app/core.ts";
import type { App } from "../app/app.ts";
import type { Clock } from "../clock/clock.ts";
import type { ClusterState } from "../event/cluster-state.ts";
import type { Backend } from "../port/backend.ts";
import type { CeleryEvent } from "../wire/event.ts";
import type { Gate } from "./access/gate.ts";
import type { Oidc } from "./access/oidc.ts";
import type { AuditLog } from "./action/audit.ts";
import type { Perform } from "./action/perform.ts";
import type { EventMetrics } from "./metrics/event-metrics.ts";
import type { BrokerMetrics } from "./metrics/page.ts";
import type { QueueWaits } from "./page/wait-reasons.ts";
import type { Past } from "./past.ts";
import type { DashboardSettings } from "./options.ts";
import type { Hub } from "./stream/hub.ts";

export interface Inside {
  readonly app: App;
  readonly core: AppCore;
  readonly clock: Clock;
  readonly settings: DashboardSettings;
  readonly gate: Gate;
  /** Absent where no provider is set up. */
  readonly oidc: Oidc | undefined;
  /** Keeps what no event tells of, and tells the pages. */
  readonly note: (events: readonly CeleryEvent[]) => void;
  /** Workers as they tell of themselves now; no tasks. */
  readonly cluster: ClusterState;
  /** What was kept of it. */
  readonly past: Past;
  readonly audit: AuditLog;
  readonly hub: Hub;
  readonly figures: EventMetrics;
  readonly brokerFigures: BrokerMetrics;
  readonly perform: Perform;
  readonly waits: QueueWaits;
  /** The connection of the app. Rejects after a moment with the driver's coded error: nobody waits for a page for long. */
  readonly connect: () => Promise<Backend>;
  /** The broker answered when it was asked last. */
  readonly connected: () => boolean;
}
