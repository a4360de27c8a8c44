/** `celeriac/testing`: what tests of an app import. Nothing here is loaded by the package itself. */

export { VirtualClock } from "./virtual-clock.ts";
