/**
 * What is measured: four figures by OpenTelemetry's names, three of a worker's slots by ours. Made at the first measurement: a meter that
 * is asked for before the user's SDK stands measures nothing, ever.
 */

import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  metrics,
  type ObservableUpDownCounter,
} from "@opentelemetry/api";
import type { SlotFacts } from "../task/telemetry.ts";

/** Seconds, by the conventions; tasks are longer than requests, so there are more of them above. */
const shortTimes = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const longTimes = [...shortTimes, 30, 60, 300, 900, 3_600];

type Figure = "busy" | "size" | "waiting";
const figures: Readonly<Record<Figure, readonly [name: string, description: string]>> = {
  busy: ["celeriac.worker.slots.busy", "Tasks that run now."],
  size: ["celeriac.worker.slots.size", "Tasks that can run at once."],
  waiting: ["celeriac.worker.tasks.waiting", "Tasks that the worker has taken and not begun."],
};

export class Meters {
  readonly #meter: Meter;
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly sending: Histogram;
  readonly processing: Histogram;

  constructor(name: string, version: string) {
    const meter = metrics.getMeter(name, version);
    this.#meter = meter;
    this.sent = meter.createCounter("messaging.client.sent.messages", {
      unit: "{message}",
      description: "Messages sent, and those that could not be.",
    });
    this.consumed = meter.createCounter("messaging.client.consumed.messages", {
      unit: "{message}",
      description: "Messages whose run began.",
    });
    this.sending = meter.createHistogram("messaging.client.operation.duration", {
      unit: "s",
      description: "From the call to the broker's answer.",
      advice: { explicitBucketBoundaries: shortTimes },
    });
    this.processing = meter.createHistogram("messaging.process.duration", {
      unit: "s",
      description: "How long runs took.",
      advice: { explicitBucketBoundaries: longTimes },
    });
  }

  /** Read whenever the user's SDK collects, until disposed. */
  observe(attributes: Attributes, read: () => SlotFacts): Disposable {
    const stops = Object.entries(figures).map(([figure, [name, description]]) => {
      const counter: ObservableUpDownCounter = this.#meter.createObservableUpDownCounter(name, {
        unit: "{task}",
        description,
      });
      const tell = (result: { observe(value: number, attributes: Attributes): void }): void =>
        result.observe(read()[figure as Figure], attributes);
      counter.addCallback(tell);
      return () => counter.removeCallback(tell);
    });
    return { [Symbol.dispose]: () => stops.forEach((stop) => stop()) };
  }
}
