/**
 * Whether this process has all rights of the machine. What runs in a worker has the worker's, and a message decides what that is, so one that
 * is root's is told of; not where `CELERIAC_ALLOW_ROOT=1` says that it is meant, as in a container whose root is nobody outside.
 */

export const rootUser = {
  code: "ROOT_USER",
  text: "this process runs as root: a task that is led astray has the whole machine",
  remedy: "Give the worker a user of its own, or set CELERIAC_ALLOW_ROOT=1 where root is meant.",
} as const;

export function runsAsRoot(): boolean {
  return process.geteuid?.() === 0;
}

export function rootIsMeant(environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return environment["CELERIAC_ALLOW_ROOT"] === "1";
}
