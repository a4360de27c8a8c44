/** Messages made ready to be published: measured and checked before the first of a batch is sent. */

import type { Clock } from "../../clock/clock.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { Message } from "../../wire/message.ts";
import { checkQueueName } from "../../wire/name.ts";
import { markWaited } from "../../wire/waited.ts";
import { ByteWriter, tooLarge } from "./amqp/byte-writer.ts";
import type { Outbound, Properties } from "./amqp/client.ts";
import { writeProperties } from "./amqp/properties.ts";
import { attemptsHeader, attemptsText } from "./attempts.ts";
import { delayKey, firstExchange, secondsUntil } from "./delay.ts";
import { copyHeader, crashesHeader, priorityHeader, suspicionsHeader } from "./received.ts";

export interface Parcel {
  readonly queue: string;
  /** What has to exist: a task's queue as Celery declares it, a queue of dead letters, or nothing, for an answer may find nobody. */
  readonly place: "task" | "dead" | "anywhere";
  /** By the monotonic clock: a wall clock may step before it is sent, or sent again. */
  readonly due: Millis | undefined;
  readonly properties: Properties;
  /** The properties as they go out. */
  readonly encoded: Uint8Array;
  readonly body: Uint8Array;
  /** Bytes of properties, headers and body. */
  readonly size: number;
}

/** Before it is measured. */
export interface LooseParcel extends Omit<Parcel, "size" | "encoded" | "due"> {
  readonly due: ServerTime | undefined;
}

/** What a task brings along when it goes on under its id. */
export interface Luggage {
  readonly crashes: number;
  readonly suspicions: number;
  readonly attempts: readonly AttemptRecord[];
}

/** RabbitMQ's default for a frame, and with it for all properties of a message, less what the frame itself takes. */
const mostProperties = 128 * 1024 - 32;

export class Packer {
  readonly #clock: Clock;
  /** Nothing is ever taken from it. */
  readonly #measure = new ByteWriter();
  /** Tells the copies that this process sends from those of others. */
  readonly #origin = crypto.randomUUID().slice(0, 8);
  #copies = 0;
  /** When what is delayed is due by the monotonic clock, as it was reckoned first. What is sent again after the wall clock stepped would be hours off. */
  readonly #dues = new WeakMap<Outgoing, Millis>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#measure.limit = mostProperties;
  }

  /** Throws NAME_INVALID, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE (for the headers alone). */
  pack(outgoing: Outgoing, luggage?: Luggage): Parcel {
    const { queue, message, due, dedupe } = outgoing;
    checkQueueName(queue);
    const messageId = dedupe?.nonce ?? message.properties.messageId ?? crypto.randomUUID();
    const headers = luggage === undefined ? message.headers : { ...message.headers, ...luggageHeaders(luggage) };
    const properties = propertiesOf(message, messageId, headers);
    return this.#wrapped({ queue, place: "task", properties, body: message.body }, due && this.#dueOf(outgoing, due));
  }

  /** For a queue that exists only while somebody listens. */
  packReply(to: string, message: Message): Parcel {
    const properties = { ...propertiesOf(message, undefined, message.headers), deliveryMode: 1 } as const;
    return this.wrap({ queue: to, place: "anywhere", due: undefined, properties, body: message.body });
  }

  /** Throws NOT_SERIALIZABLE, MESSAGE_TOO_LARGE. */
  wrap(parcel: LooseParcel): Parcel {
    return this.#wrapped(parcel, parcel.due === undefined ? undefined : this.#monotonic(parcel.due));
  }

  #wrapped(parcel: Omit<LooseParcel, "due">, due: Millis | undefined): Parcel {
    const { queue, place, body } = parcel;
    const written = this.#written(due === undefined ? parcel.properties : waiting(parcel.properties), place);
    return { queue, place, due, ...written, body, size: written.encoded.byteLength + body.byteLength };
  }

  #dueOf(outgoing: Outgoing, due: ServerTime): Millis {
    const known = this.#dues.get(outgoing) ?? this.#monotonic(due);
    this.#dues.set(outgoing, known);
    return known;
  }

  #monotonic(due: ServerTime): Millis {
    return due - this.#clock.now() + this.#clock.monotonic();
  }

  /** To be sent again where it is not known whether the server took it: the two are told apart by their names alone. */
  another(parcel: Parcel): Parcel {
    return { ...parcel, ...this.#written(parcel.properties, parcel.place) };
  }

  /** A task's with a name. Where the sender filled the frame they go as they are: without one rather than not at all. */
  #written(plain: Properties, place: Parcel["place"]): Pick<Parcel, "properties" | "encoded"> {
    const measure = this.#measure;
    for (const properties of place === "task" ? [this.#named(plain), plain] : [plain]) {
      measure.undo(0);
      writeProperties(measure, properties);
      if (measure.mark <= mostProperties) return { properties, encoded: measure.copy() };
    }
    throw tooLarge(mostProperties);
  }

  #named(properties: Properties): Properties {
    const { headers } = properties;
    if (headers === undefined) return properties;
    this.#copies += 1;
    return { ...properties, headers: { ...headers, [copyHeader]: `${this.#origin}${this.#copies.toString(36)}` } };
  }

  /** Where it goes just now. */
  outbound(parcel: Parcel): Outbound {
    const { queue, place, properties, encoded, body } = parcel;
    const seconds = this.#delayOf(parcel);
    const mandatory = place !== "anywhere";
    if (seconds === 0) return { exchange: "", routingKey: queue, mandatory, properties, encoded, body };
    return { exchange: firstExchange, routingKey: delayKey(seconds, queue), mandatory, properties, encoded, body };
  }

  isDelayed(parcel: Parcel): boolean {
    return this.#delayOf(parcel) > 0;
  }

  #delayOf({ due }: Parcel): number {
    return due === undefined ? 0 : secondsUntil(due, this.#clock.monotonic());
  }
}

/** When it comes it is due, also where it was sent too late to be delayed at all. */
function waiting(properties: Properties): Properties {
  if (properties.headers === undefined) return properties;
  const headers = { ...properties.headers };
  markWaited(headers);
  return { ...properties, headers };
}

/** Absent where there is nothing to tell. `undefined` takes what is there off again. */
export function luggageHeaders(luggage: Luggage): Record<string, unknown> {
  const { crashes, suspicions, attempts } = luggage;
  return {
    [crashesHeader]: crashes === 0 ? undefined : crashes,
    [suspicionsHeader]: suspicions === 0 ? undefined : suspicions,
    [attemptsHeader]: attempts.length === 0 ? undefined : attemptsText(attempts),
  };
}

function propertiesOf(message: Message, messageId: string | undefined, headers: Message["headers"]): Properties {
  const { correlationId, replyTo, priority } = message.properties;
  const octet = priority === undefined ? undefined : Math.min(255, Math.max(0, Math.trunc(priority)));
  return {
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    headers: octet === priority ? headers : { ...headers, [priorityHeader]: priority },
    deliveryMode: 2,
    priority: octet,
    correlationId,
    replyTo,
    messageId,
  };
}
