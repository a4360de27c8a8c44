/** What a driver finds when it is asked whether its server is fit to be trusted with tasks for good: the server's part of the doctor's list. */

/** What is looked at; each has a section of the same name in docs/production.md. */
export type Topic =
  | "clock"
  | "connections"
  | "dashboard"
  | "disk"
  | "eviction"
  | "file-limit"
  | "memory"
  | "node"
  | "password"
  | "persistence"
  | "results"
  | "signing"
  | "timeouts"
  | "tls"
  | "user"
  | "version"
  | "workers";

export interface Check {
  readonly topic: Topic;
  /** "warning": it works, and will not under load, after a crash, or against somebody ill-meaning. "failed": do not go on like this. */
  readonly verdict: "ok" | "warning" | "failed";
  /** What was found, and why it matters. Never a secret. */
  readonly text: string;
  /** What to do; not where all is well. */
  readonly remedy?: string;
}
