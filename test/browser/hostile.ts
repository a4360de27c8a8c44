/** Texts that are markup, script, or worse, to whoever does not take them as text; and events with such names, as anybody who reaches the broker can send. */

import { coreOf } from "../../src/app/app.ts";
import { every } from "../../src/index.ts";
import { eventMessage } from "../../src/wire/event.ts";
import { app } from "./app.ts";
import { echo } from "./tasks.ts";

export const hostile: readonly string[] = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=alert(1)>',
  "'><iframe srcdoc='<script>parent.alert(1)</script>'>",
  "javascript:alert(1)",
  "https://x.example/'onmouseover='alert(1)",
  "<a href=javascript:alert(1)>press me</a>",
  "data:text/html,<script>alert(1)</script>",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "</title><script>alert(1)</script>",
  "</textarea><script>alert(1)</script>",
  "</script><script>alert(1)</script>",
  "<!--<script>alert(1)//-->",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "<form><button formaction=javascript:alert(1)>x",
  "<body onload=alert(1)>",
  "<base href=//evil.example/>",
  "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
  "<link rel=stylesheet href=//evil.example/x.css>",
  "<object data=javascript:alert(1)>",
  "<embed src=javascript:alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<video><source onerror=alert(1)>",
  "<marquee onstart=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<style>@import'//evil.example/x.css';</style>",
  "expression(alert(1))",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
  "\u2028alert(1)\u2029",
  "\u202Egnp.exe",
  "\u0000\u0001\u001b[2J\u001b]52;c;YWxlcnQ=\u0007",
  "__proto__",
  "constructor",
  "../../../../etc/passwd",
  "%3Cscript%3Ealert(1)%3C/script%3E",
  "' OR 1=1 --",
  "(a+)+$",
  "😀".repeat(60),
];

/** What is not to be seen is no schedule's name, and is refused as one. */
export const scheduleNames: readonly string[] = hostile.map((text) => text.replaceAll(/\p{C}/gu, "").trim());

/** Nobody takes from it, so that what lies there is there to be looked at. */
export const box = "hostile-box";

/** The id of the task that is told of, and of its workflow; the task that it begins has this one with a "+" behind. */
export const forgedId = (index: number): string => `hostile-${String(index)}-${hostile[index] ?? ""}`.slice(0, 198);

/**
 * Sends each as argument, stamp, result, error and log line, as the reason of a dead letter, into a queue where it stays, and as a schedule
 * with its input; and tells of tasks in workflows, workers and queues that are called so.
 */
export async function sendHostile(): Promise<void> {
  const { bus } = await coreOf(app).connect();
  const now = Date.now() / 1000;
  for (const [index, text] of hostile.entries()) {
    // No message says this name, which a reader might take for an object's own maker.
    const name = text === "__proto__" ? "proto" : text;
    await app.enqueue(echo.s({ text, fail: index % 2 === 0 }), { stamps: { [name]: text } });
    await echo.delay({ text, fail: false, bury: true });
    await echo.enqueue({ text, fail: false }, { queue: box });
    await app.schedules.add(scheduleNames[index] ?? "", every("1h"), echo.si({ text, fail: false }));
    const common = { hostname: text, utcoffset: 0, pid: 1, clock: index };
    const uuid = forgedId(index);
    const events = [
      {
        ...common,
        type: "worker-heartbeat",
        timestamp: now,
        freq: 60,
        active: 1,
        processed: 1,
        loadavg: [0, 0, 0],
        sw_ident: text,
        sw_ver: text,
        sw_sys: text,
      },
      {
        ...common,
        type: "task-received",
        timestamp: now,
        uuid,
        name: text,
        args: text,
        kwargs: text,
        queue: text,
        root_id: uuid,
      },
      {
        ...common,
        type: "task-received",
        timestamp: now,
        uuid: `${uuid}+`,
        name: text,
        queue: text,
        root_id: uuid,
        parent_id: uuid,
      },
      { ...common, type: "task-started", timestamp: now, uuid },
      {
        ...common,
        type: "task-failed",
        timestamp: now + 0.1,
        uuid,
        exception: text,
        traceback: `Traceback:\n  File "${text}", line 1, in ${text}\n${text}`,
      },
    ];
    await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
  }
}
