/** SQLite's error numbers as coded errors of this library, and the shape in which errors cross from the driver's thread. */

import { accessSync, constants } from "node:fs";

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { ErrorCode } from "../../error/error-codes.ts";
import { lockHolders, shmByte } from "./host.ts";

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string;
}

export function pack(error: unknown, path: string): Failure {
  const coded = codedError(error, path);
  return { code: coded.code, message: coded.message, details: coded.details, stack: coded.stack ?? "" };
}

export function unpack(failure: Failure): CeleriacError {
  const cause = Object.assign(new Error(failure.message), { stack: failure.stack });
  return new CeleriacError(failure.code, failure.message, { details: failure.details, cause });
}

/** SQLite's primary result code, or undefined for errors of another origin. */
export function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

export const sqliteCode = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === sqliteCode.busy || code === sqliteCode.locked;
}

export function isFull(error: unknown): boolean {
  return resultCode(error) === sqliteCode.full;
}

export function busyError(path: string, waited: number): CeleriacError {
  const pids = lockHolders(`${path}-shm`, shmByte.writer);
  const who = pids.length === 0 ? "another process" : `process ${pids.join(", ")}`;
  return new CeleriacError(
    "DATABASE_BUSY",
    `${path} was locked by ${who} for ${waited} ms, so nothing was written. A process stopped inside a transaction keeps the lock: continue or end it, then try again.`,
    { details: { path, pids, waited } },
  );
}

export function fullError(path: string, cause?: unknown): CeleriacError {
  return new CeleriacError(
    "DATABASE_FULL",
    `The disk under ${path} is full, so nothing was stored. Free some space; what is queued already goes on and is finished.`,
    { details: { path }, cause },
  );
}

function codedError(error: unknown, path: string): CeleriacError {
  if (error instanceof CeleriacError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error, details: { path } };
  switch (resultCode(error)) {
    case sqliteCode.busy:
    case sqliteCode.locked:
      return busyError(path, 0);
    case sqliteCode.full:
      return fullError(path, error);
    case sqliteCode.readOnly:
      return readOnlyError(message, path, error);
    // A file that was open before its disk turned read-only is not refused as such: only its writes fail.
    case sqliteCode.ioError:
      return isWritable(path) ? refusedStep(message, path, error) : readOnlyError(message, path, error);
    case sqliteCode.notADatabase:
      return new CeleriacError(
        "DATABASE_FOREIGN",
        `${path} is not an SQLite database. Name another file in the broker URL.`,
        options,
      );
    case sqliteCode.corrupt:
      return new CeleriacError(
        "DATABASE_CORRUPT",
        `${path} is damaged (${message}). Stop all processes, keep a copy, and recover it with the sqlite3 program (".recover").`,
        options,
      );
    case sqliteCode.cantOpen:
      return new CeleriacError(
        "BACKEND_UNREACHABLE",
        `${path} cannot be opened (${message}). Look whether its directory exists and this user may write there.`,
        options,
      );
    case undefined:
    default:
      return refusedStep(message, path, error);
  }
}

function readOnlyError(message: string, path: string, cause: unknown): CeleriacError {
  return new CeleriacError(
    "DATABASE_READ_ONLY",
    `${path} cannot be written (${message}). Give this user write access to the file and to its directory, where the -wal and -shm files live; a disk that has failed is mounted read-only.`,
    { cause, details: { path } },
  );
}

function refusedStep(message: string, path: string, cause: unknown): CeleriacError {
  return new CeleriacError("BACKEND_REFUSED", `SQLite refused a step on ${path}: ${message}.`, {
    cause,
    details: { path },
  });
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
