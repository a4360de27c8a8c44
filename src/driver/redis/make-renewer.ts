/** Which renewer: on this thread, or on one that user code cannot block. */

import type { ConsumeOptions } from "../../port/broker.ts";
import type { Context } from "./context.ts";
import type { Renewer, RenewalReport } from "./leases.ts";
import { LocalRenewer } from "./renewal.ts";
import { ThreadRenewer } from "./renewal-thread.ts";

export function makeRenewer(
  context: Context,
  options: ConsumeOptions,
  report: (report: RenewalReport) => void,
): Renewer {
  const { clock, location } = context;
  // A Python peer restores what was not renewed within its own timeout, whatever our lease is.
  const interval = Math.min(options.lease, location.pythonVisibilityTimeout) / 3;
  context.link.keepLease(options.lease);
  const settings = { clock, lease: options.lease, interval, report };
  return options.userCodeHere
    ? new ThreadRenewer(settings, context.options, options.stallLimit, context.scripts.major)
    : new LocalRenewer(settings, context.link, context.scripts, context.keys);
}
