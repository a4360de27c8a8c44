/**
 * Remote control: hears Celery's requests and answers them. Every request is read within bounds and costs the worker no more than its
 * answer; what takes long is done beside it, one after the other. A broker that carries no broadcasts leaves the worker as it is.
 */

import { ask } from "../../control/ask.ts";
import type { Subscription } from "../../port/bus.ts";
import { controlNamespace } from "../../wire/control.ts";
import { makeControlReply, readControlRequest, type ReceivedRequest } from "../../wire/control-request.ts";
import type { Message } from "../../wire/message.ts";
import { CommandTrust } from "../command-trust.ts";
import type { WorkerInside, WorkerPart } from "../part.ts";
import { checkArguments, type Command, errorRepr, nok, PythonError, silence, type Station } from "./command.ts";
import { CommandRate, overRate } from "./command-rate.ts";
import { commandsByName } from "./commands.ts";
import { knownRevokes, toldRevokes } from "./inspect-worker.ts";

/** Commands that wait for their turn; what comes on top is not answered. */
const mostWaiting = 1000;
/** Silence after which nobody else says hello, ms. */
const helloPatience = 1000;
/** Python's workers are reached there, and know revokes that are written nowhere. */
const sharedWithPython: ReadonlySet<string> = new Set(["redis:", "rediss:", "sentinel:", "amqp:", "amqps:"]);

export class RemotePart implements WorkerPart {
  readonly #station: Station;
  readonly #stopping = new AbortController();
  /** Absent: whoever reaches the broker is obeyed. */
  readonly #trust: CommandTrust | undefined;
  readonly #rate: CommandRate;
  #listening: Subscription | undefined;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #mingling: Promise<void> | undefined;

  constructor(inside: WorkerInside) {
    this.#station = { ...inside, since: inside.clock.monotonic() };
    const { signing } = inside.core.config;
    this.#rate = new CommandRate(inside.clock, (text) => inside.report.warning("REMOTE_CONTROL_RATE", text));
    this.#trust = signing && new CommandTrust({ ...inside, keys: signing.keys, namespace: controlNamespace });
  }

  async start(): Promise<void> {
    const { backend, report, core } = this.#station;
    const channel = { kind: "control", namespace: controlNamespace } as const;
    try {
      this.#listening = await backend.bus.listen(
        channel,
        (_, message) => this.#take(message),
        () => {},
      );
    } catch (error) {
      report.warning("REMOTE_CONTROL_OFF", "this worker hears no remote control", error);
      return;
    }
    if (sharedWithPython.has(core.config.broker.protocol)) this.#mingling = this.#mingle();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the worker stops"));
    await this.#listening?.close().catch(() => {});
    await this.#mingling;
    await this.#turn;
  }

  #take(message: Message): void {
    const { id, events } = this.#station;
    const request = readControlRequest(message, id);
    if (request === undefined || this.#stopping.signal.aborted) return;
    if (this.#trust?.admits(message, request.method) === false) return;
    events.clock.adjust(request.clock);
    const command = commandsByName.get(request.method);
    if (command?.lasting !== true) {
      const admitted = this.#rate.admit();
      if (admitted === "refuse") this.#answer(request, nok(overRate));
      if (admitted !== "obey") return;
    }
    if (command?.serial !== true) {
      this.#answer(request, this.#result(request, command));
      return;
    }
    if (this.#waiting >= mostWaiting) return;
    this.#waiting++;
    this.#turn = this.#turn.then(async () => {
      this.#answer(request, await this.#result(request, command));
      this.#waiting--;
    });
  }

  /** Never throws, never rejects. */
  #result({ method, arguments: named, selective }: ReceivedRequest, command: Command | undefined): unknown {
    const failed = (error: unknown): unknown => nok(errorRepr(error));
    try {
      if (command === undefined) throw new PythonError("KeyError", method);
      const result = command.run(this.#station, { named: checkArguments(command, named), selective });
      return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  }

  #answer({ answer }: ReceivedRequest, payload: unknown): void {
    if (answer === undefined || payload === silence) return;
    const { backend, id, events } = this.#station;
    const now = events.clock.forward();
    let reply: Message;
    try {
      reply = makeControlReply(id, payload ?? null, answer.ticket, now);
    } catch (error) {
      reply = makeControlReply(id, nok(errorRepr(error)), answer.ticket, now);
    }
    // Whoever asked waits for a moment and no longer; there is nobody to tell.
    backend.bus.publish({ kind: "reply", to: answer.inbox }, reply).catch(() => {});
  }

  /** Celery's mingle: revokes that others have heard of. Beside the start, for what matters stands in the facts. */
  async #mingle(): Promise<void> {
    const { backend, clock, id, orders, events, report } = this.#station;
    const { signal } = this.#stopping;
    const revoked = knownRevokes(orders.revocations.ids);
    const question = { method: "hello", arguments: { from_node: id, revoked }, timeout: helloPatience };
    try {
      for (const [, answer] of await ask(backend.bus, question, clock, signal)) {
        if (typeof answer !== "object" || answer === null) continue;
        const { revoked: theirs, clock: time } = answer as { readonly revoked?: unknown; readonly clock?: unknown };
        if (typeof time === "number") events.clock.adjust(time);
        for (const [at, ids] of toldRevokes(theirs))
          orders.hear("id", ids, { terminate: false, signal: "SIGTERM", at }, "heard");
      }
    } catch (error) {
      if (!signal.aborted) report.warning("MINGLE", "what other workers know was not heard", error);
    }
  }
}
