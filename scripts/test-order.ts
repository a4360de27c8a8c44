/**
 * The order of test files: the longest begin first, those that mostly wait beside those that mostly compute. Vitest knows how long a file
 * takes only after a run, and goes by size until then; but the longest, which run suites that lie elsewhere, are among the smallest.
 */

import { BaseSequencer, type TestSpecification } from "vitest/node";

/** More than about 12 s each on an idle machine. One that is missing here starts later, which costs time and nothing else. */
export const longest: readonly string[] = [
  // These two compute for a tenth of their time. The next five are beside them, and compute for most of it.
  "src/driver/rabbitmq/conformance.test.ts",
  "src/driver/redis/conformance.test.ts",
  "test/nth-call/nth-call.test.ts",
  "test/integration/crash.test.ts",
  "test/integration/chord-crash.test.ts",
  "test/integration/shutdown.test.ts",
  "test/integration/cli.test.ts",
  "src/driver/sqlite/conformance.test.ts",
  "test/integration/contained.test.ts",
  "test/integration/rates.test.ts",
  "test/integration/checkpoint-kills.test.ts",
  "src/pool/thread-pool.test.ts",
  "src/pool/process-pool.test.ts",
  "test/integration/worker.test.ts",
  "test/integration/outbox/outbox.test.ts",
  "test/integration/outbox/outbox-kills.test.ts",
  "test/web/durable/kills.test.ts",
  "test/integration/terminate.test.ts",
  "src/driver/sqlite/processes.test.ts",
  "src/dashboard/http/mounting.test.ts",
  "src/driver/rabbitmq/amqp/connection.test.ts",
  "src/driver/rabbitmq/halves.test.ts",
  "src/driver/redis/clock-step.test.ts",
  "test/integration/cli-control.test.ts",
  "test/integration/dashboard-actions.test.ts",
  "src/driver/rabbitmq/poison.test.ts",
  "test/integration/schedule-command.test.ts",
  "test/integration/store-outage.test.ts",
  "test/integration/worker-facts.test.ts",
  "test/integration/store-away.test.ts",
  "test/integration/beat-kills.test.ts",
  "test/integration/diagnosis.test.ts",
  "test/integration/signing.test.ts",
  "test/integration/bad-database.test.ts",
  "src/driver/rabbitmq/outage.test.ts",
  "src/pool/orphan.test.ts",
  "src/driver/redis/renewal.test.ts",
  "src/driver/redis/outage.test.ts",
  "src/driver/redis/sentinel.test.ts",
  "src/driver/rabbitmq/sharing.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = longest.findIndex((path) => moduleId.endsWith(`/${path}`));
      return index === -1 ? longest.length : index;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}
