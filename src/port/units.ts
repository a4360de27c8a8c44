/** Units that every port shares. Times at the seam are the server's; durations are relative milliseconds. */

/** Milliseconds. The public API takes "30s" too; ports only see numbers. */
export type Millis = number;
/** Unix time in milliseconds, as the SERVER that holds the message sees it. Never the caller's `Date.now()`. */
export type ServerTime = number;
/** Grows with every claim of anything on this broker; a safe integer (microseconds, see DRIVERS.md). 0 = "this broker has none". */
export type Fence = number;

/** Something a user should know and may decide about; the caller prints it. */
export interface Warning {
  readonly code: string;
  readonly text: string;
}
