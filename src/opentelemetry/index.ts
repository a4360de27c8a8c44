/** The door `celeriac/opentelemetry`: traces and metrics of an app, through OpenTelemetry's API alone. */

export { openTelemetry } from "./open-telemetry.ts";
export type { Telemetry } from "../task/telemetry.ts";
