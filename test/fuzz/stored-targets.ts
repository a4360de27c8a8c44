/** What lies in a database or a queue until somebody reads it: rows of an outbox, schedules, letters, marks of chords and calls. */

import { packParcel, unpackParcel } from "../../src/outbox/parcel.ts";
import { fullMessage } from "./samples.ts";
import { bytesOf, refusing, type Target, textOf } from "./target.ts";

export const storedTargets: readonly Target[] = [
  {
    name: "outbox",
    samples: [
      packParcel({
        sends: [
          { queue: "celery", message: fullMessage, due: 1_790_000_000_000 },
          { queue: "celery", message: fullMessage, dedupe: { id: "a", nonce: "n", window: 1000 } },
        ],
        joins: [{ group: "g", size: 2, ttl: 1000, body: bytesOf("{}") }],
      }),
    ].map(bytesOf),
    feed: (bytes) => refusing(() => unpackParcel(textOf(bytes))),
  },
];
