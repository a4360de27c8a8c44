/**
 * Signs whatever leaves through a backend: tasks that are published, put in the place of others, sent after others or by a schedule, and
 * commands to workers. It stands between the core and the driver, so that no room above has to think of it. It checks nothing.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Broker, Consumer, Outgoing, Settlement } from "../port/broker.ts";
import type { Bus } from "../port/bus.ts";
import type { OpenJoin } from "../port/joins.ts";
import type { QueueAdmin } from "../port/queue-admin.ts";
import { over } from "./over.ts";
import { type Keyring, signatureHeader, signMessage } from "../wire/signing.ts";

export function signedBackend(backend: Backend, keyring: Keyring, clock: Clock): Backend {
  const { lease } = backend;
  const sign = signer(keyring, clock);
  return over(backend, {
    broker: signedBroker(backend.broker, sign),
    bus: signedBus(backend.bus, keyring, clock),
    lease:
      lease && over(lease, { fire: (term, schedule, tick, send) => lease.fire(term, schedule, tick, send.map(sign)) }),
  });
}

/** What takes messages in another way than a broker. */
interface Taking<Answer> {
  publish(batch: readonly Outgoing[], joins: readonly OpenJoin[]): Answer;
}

/** The same for messages that are stored inside a transaction of the user's own. */
export function signedWithin<Answer>(within: Taking<Answer>, keyring: Keyring, clock: Clock): Taking<Answer> {
  return { publish: (batch, joins) => within.publish(batch.map(signer(keyring, clock)), joins) };
}

function signer(keyring: Keyring, clock: Clock): Sign {
  return (outgoing) => {
    const purpose = { kind: "task", queue: outgoing.queue } as const;
    return { ...outgoing, message: signMessage(outgoing.message, purpose, keyring, clock.now()) };
  };
}

type Sign = (outgoing: Outgoing) => Outgoing;

function signedBroker(broker: Broker, sign: Sign): Broker {
  return over(broker, {
    // What bears a signature, or the mark that it had none, is on its way again in another's name: it stays as it was.
    publish: (batch, signal) =>
      broker.publish(
        batch.map((outgoing) => (signatureHeader in outgoing.message.headers ? outgoing : sign(outgoing))),
        signal,
      ),
    consume: async (options, take) => signedConsumer(await broker.consume(options, take), sign),
    queues: signedQueues(broker.queues),
  });
}

/** What a run decides is new, whatever the message was signed with that began it. */
function signedConsumer(consumer: Consumer, sign: Sign): Consumer {
  // A settlement that is repeated must be the same object, by which the driver knows it.
  const known = new WeakMap<Settlement, Settlement>();
  const signed = (settlement: Settlement): Settlement => {
    const { then, follow } = settlement;
    if (then.kind !== "replace" && follow === undefined) return settlement;
    const before = known.get(settlement);
    if (before !== undefined) return before;
    const now: Settlement = {
      ...settlement,
      ...(then.kind === "replace" && { then: { kind: "replace", next: sign(then.next) } }),
      ...(follow !== undefined && { follow: follow.map(sign) }),
    };
    known.set(settlement, now);
    return now;
  };
  return over(consumer, { settle: (batch) => consumer.settle(batch.map(signed)) });
}

function signedQueues(queues: QueueAdmin): QueueAdmin {
  return over(queues, {
    requeue(queue, ids, to) {
      if (to.queue === undefined || to.queue === queue) return queues.requeue(queue, ids, to);
      const text = `A signed task cannot be moved from "${queue}" to "${to.queue}": its signature says for which queue it was sent. Send it anew.`;
      return Promise.reject(new CeleriacError("NOT_SUPPORTED", text));
    },
  });
}

function signedBus(bus: Bus, keyring: Keyring, clock: Clock): Bus {
  return over(bus, {
    publish(channel, message) {
      if (channel.kind !== "control") return bus.publish(channel, message);
      return bus.publish(channel, signMessage(message, channel, keyring, clock.now()));
    },
  });
}
