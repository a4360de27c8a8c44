/** Does a dashboard that runs ask who comes? Tried as a stranger would. */

import type { Clock } from "../../clock/clock.ts";
import type { Check } from "../../port/check.ts";

const topic = "dashboard";
/** For those who may look; a stranger may not. */
const guarded = "api/openapi.json";
/** A server that does not answer would keep a person waiting, ms. */
const patience = 5000;

export async function dashboardChecks(url: string | undefined, clock: Clock): Promise<readonly Check[]> {
  if (url === undefined) {
    const text = "not looked at: --dashboard URL names the one that runs";
    return [{ topic, verdict: "ok", text }];
  }
  const place = new URL(guarded, url.endsWith("/") ? url : `${url}/`);
  const over = new AbortController();
  using _timer = clock.after(patience, () => over.abort(new Error(`no answer within ${String(patience / 1000)} s`)));
  let status: number;
  try {
    ({ status } = await fetch(place, { redirect: "manual", signal: over.signal }));
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const text = `${place.origin} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`;
    return [{ topic, verdict: "failed", text, remedy: "Start it, or correct --dashboard." }];
  }
  if (status >= 300 && status < 400)
    return [{ topic, verdict: "ok", text: `${place.origin} sends strangers to a login` }];
  if (status === 401 || status === 403)
    return [{ topic, verdict: "ok", text: `${place.origin} lets no stranger in (${String(status)})` }];
  if (status !== 200) {
    const text = `${place.href} answers ${String(status)}: there is no dashboard`;
    return [
      {
        topic,
        verdict: "failed",
        text,
        remedy: "Name the address with its prefix, such as https://shop.example/admin/tasks.",
      },
    ];
  }
  const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(place.hostname);
  const text = `${place.origin} shows everything to whoever comes${local ? "; it is on this machine alone, unless a proxy passes it on" : ""}`;
  const remedy = "Give it a login: celeriac dashboard --user ann:admin, or authorize where it is mounted.";
  return [{ topic, verdict: local ? "warning" : "failed", text, remedy }];
}
