/** `app.explain`: the door to what looks for reasons, which is loaded when it is first used. */

import type { AppCore } from "./core.ts";
import type { Explanation } from "./reason.ts";

export async function explain(core: AppCore, id: string, signal?: AbortSignal): Promise<Explanation> {
  const { whyWaiting } = await import("../control/diagnosis/why-waiting.ts");
  return whyWaiting(core, id, signal);
}
