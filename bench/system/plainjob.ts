/**
 * plainjob over node:sqlite, through the seam it has for other drivers; with better-sqlite3 it takes the same CPU to a few percent,
 * but that must be compiled. It stores no results and runs one job after another; between empty polls it sleeps 1 ms, which is its
 * quickest. While it has jobs its process answers nothing else, for its database calls block.
 */

import { DatabaseSync } from "node:sqlite";
import { type Connection, defineQueue, defineWorker, type Queue } from "plainjob";
import { handle, monotonic, type Payload, type System } from "./system.ts";

const type = "noop";
const silent = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };

function open(address: string, durable: boolean): Queue {
  const connection = connectionTo(address);
  const queue = defineQueue({ connection, logger: silent });
  // It sets NORMAL itself when it opens.
  connection.pragma(`synchronous = ${durable ? "FULL" : "NORMAL"}`);
  return queue;
}

function connectionTo(filename: string): Connection {
  const database = new DatabaseSync(filename);
  const within =
    <A extends unknown[], R>(begin: string, work: (...args: A) => R) =>
    (...args: A): R => {
      database.exec(begin);
      try {
        const result = work(...args);
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    };
  const transaction = <A extends unknown[], R>(work: (...args: A) => R) =>
    Object.assign(within("BEGIN", work), { immediate: within("BEGIN IMMEDIATE", work) });
  return {
    driver: "better-sqlite3",
    filename,
    pragma: (text) => database.exec(`PRAGMA ${text}`),
    exec: (text) => database.exec(text),
    prepare: (text) => database.prepare(text) as unknown as ReturnType<Connection["prepare"]>,
    transaction: transaction as unknown as Connection["transaction"],
    close: () => database.close(),
  };
}

const handledTimes: number[] = [];

export const system: System = {
  handledTimes,
  async openProducer({ address, durable }) {
    const queue = open(address, durable);
    return {
      send: async (payload) => queue.add(type, payload),
      sendMany: async (payloads) => queue.addMany(type, [...payloads]),
      async probe(payload) {
        const sent = monotonic();
        queue.add(type, { ...payload, probe: true });
        return { sent, handled: undefined, answered: undefined };
      },
      close: async () => queue.close(),
    };
  },
  async openWorker({ address, durable }, done) {
    const queue = open(address, durable);
    const worker = defineWorker(
      type,
      (job) => {
        const payload = JSON.parse(job.data) as Payload;
        const value = handle(payload);
        if (payload.probe === true) handledTimes.push(value);
      },
      { queue, logger: silent, pollIntervall: 1, onCompleted: done },
    );
    const stopped = worker.start();
    return {
      async close() {
        await worker.stop();
        await stopped;
        queue.close();
      },
    };
  },
};
