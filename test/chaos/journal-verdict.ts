/** Judges the repeats of a journal that was kept, also while it is still written: what explains them, and which ones nothing does. */

import { Explanations } from "./explanations.ts";
import { History } from "./history.ts";
import { JournalReader } from "./journal.ts";
import type { BrokerName } from "./stage.ts";
import { doomed } from "./workload.ts";

export interface JournalSetting {
  readonly broker: BrokerName;
  /** Ms. */
  readonly lease: number;
  /** Ms for which a fault may have its effect after it is over. */
  readonly shadow: number;
}

export interface JournalVerdict {
  readonly accepted: number;
  readonly faults: number;
  /** Repeats by what explains them, most first. */
  readonly explained: Readonly<Record<string, number>>;
  readonly unexplained: readonly string[];
}

/** Throws what the file system says. A last line that is not whole yet is left out. */
export async function judgeJournal(path: string, setting: JournalSetting): Promise<JournalVerdict> {
  const history = new History();
  await history.readOn(new JournalReader(path));
  const explanations = new Explanations(history, setting);
  const explained: Record<string, number> = {};
  const unexplained: string[] = [];
  for (const id of history.ids) {
    const task = history.of(id);
    const kind = task.starts[0]?.kind ?? "";
    if (doomed.has(kind) || kind === "python") continue;
    for (const reason of explanations.of(task)) {
      if (reason === undefined) unexplained.push(`${id} (${kind}) ran ${String(task.starts.length)} times`);
      else explained[reason] = (explained[reason] ?? 0) + 1;
    }
  }
  const most = Object.entries(explained).sort(([, a], [, b]) => b - a);
  return {
    accepted: history.accepted.size,
    faults: history.faults.length,
    explained: Object.fromEntries(most),
    unexplained,
  };
}
