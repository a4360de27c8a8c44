/** Who looks, what that person may do here, and what this dashboard is connected to. */

import { redactUrl } from "../../app/connect.ts";
import type { Backend } from "../../port/backend.ts";
import { actionKinds, mayDo } from "../access/viewer.ts";
import type { ActionKind, BrokerFacts, Session } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";
import { packageVersion } from "../version.ts";

const kinds: Readonly<Record<string, BrokerFacts["kind"]>> = {
  "amqp:": "rabbitmq",
  "amqps:": "rabbitmq",
  "memory:": "memory",
  "sqlite:": "sqlite",
};

export async function session({ inside, viewer, request }: Visit): Promise<Session> {
  const { gate, settings, clock, past } = inside;
  const backend = await inside.connect().catch(() => undefined);
  const { login, prefix } = settings;
  return {
    user: gate.open
      ? null
      : { name: viewer.name, role: viewer.role, ...(viewer.email !== undefined && { email: viewer.email }) },
    may: settings.readOnly ? [] : actionKinds.filter((kind) => mayDo(viewer, kind) && isPossible(kind, backend)),
    readOnly: settings.readOnly,
    csrf: gate.tokenOf(request, viewer),
    environment: settings.environment,
    version: packageVersion(),
    now: clock.now(),
    broker: brokerFacts(inside, backend),
    history: await past.facts(),
    login: {
      kinds: [
        ...(login?.users === undefined || login.users.length === 0 ? [] : (["basic"] as const)),
        ...(login?.oidc === undefined ? [] : (["oidc"] as const)),
        ...(login?.proxy === undefined ? [] : (["header"] as const)),
      ],
      ...(login?.oidc !== undefined && { logout: `${prefix}/logout` }),
    },
    ...(viewer.queues !== undefined && { queues: viewer.queues }),
  };
}

function isPossible(kind: ActionKind, backend: Backend | undefined): boolean {
  if (kind === "task.requeue") return backend?.broker.features.requeue === true;
  if (kind.startsWith("schedule.")) return backend?.control !== undefined;
  return true;
}

function brokerFacts({ core, connected }: Inside, backend: Backend | undefined): BrokerFacts {
  const { broker: url } = core.config;
  const features = backend?.broker.features;
  return {
    kind: kinds[url.protocol] ?? "redis",
    url: redactUrl(url),
    connected: backend !== undefined && connected(),
    can: {
      browse: features !== undefined && features.browse !== "none",
      delay: features?.delay !== undefined,
      pause: features !== undefined,
      schedules: backend?.control !== undefined,
      facts: backend?.control !== undefined,
    },
  };
}
