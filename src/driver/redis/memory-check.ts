/** Is there memory for what waits? A server without a limit is ended by the kernel; one at its limit refuses tasks. */

import type { Check } from "../../port/check.ts";
import { byteText } from "../../wire/byte-text.ts";
import type { ServerFacts } from "./server-facts.ts";

const topic = "memory";
/** Of its limit: publishes are refused at the limit, and a backlog grows fast. */
const filling = 0.8;
const full = 0.95;
/** Of the machine: while a snapshot or a new append-only file is written, pages that change exist twice. */
const roomForCopies = 0.75;

export function memoryChecks(info: ServerFacts, overcommit: string | undefined): readonly Check[] {
  const [used, most, machine] = ["used_memory", "maxmemory", "total_system_memory"].map((name) =>
    Number(info.get(name) ?? 0),
  ) as [number, number, number];
  const checks: Check[] = [limit(used, most, machine)];
  if (overcommit === "0") {
    const text =
      "vm.overcommit_memory is 0: a snapshot or a new append-only file may fail for want of memory that is there";
    checks.push({ topic, verdict: "warning", text, remedy: "sysctl vm.overcommit_memory=1" });
  }
  return checks;
}

function limit(used: number, most: number, machine: number): Check {
  if (most === 0) {
    const text = `no maxmemory, ${byteText(used)} in use: a long queue fills the machine, and the kernel ends the server`;
    return {
      topic,
      verdict: "warning",
      text,
      remedy: "Set maxmemory to what the machine can spare, and maxDepth in the app.",
    };
  }
  const text = `${byteText(used)} of ${byteText(most)} in use (maxmemory)`;
  if (used >= most * full)
    return {
      topic,
      verdict: "failed",
      text: `${text}: new tasks are refused`,
      remedy: "Raise maxmemory, or add workers.",
    };
  if (used >= most * filling)
    return { topic, verdict: "warning", text, remedy: "Raise maxmemory before new tasks are refused, or add workers." };
  if (machine > 0 && most > machine * roomForCopies) {
    const why = `${text}, of a machine with ${byteText(machine)}: no room for the copies that a snapshot makes`;
    return { topic, verdict: "warning", text: why, remedy: "Set maxmemory to at most three quarters of the machine." };
  }
  return { topic, verdict: "ok", text };
}
