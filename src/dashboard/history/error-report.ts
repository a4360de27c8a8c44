/**
 * Tracebacks of Python and stacks of JavaScript as causes with frames, the outermost first. Reads line by line with simple patterns and
 * at most so many lines, for the text is a stranger's.
 */

import type { ErrorCause, ErrorReport, StackFrame } from "../contract.ts";
import { present } from "./task-row.ts";

const longestTrace = 16_000;
const mostLines = 1_000;
const mostCauses = 10;

interface Draft {
  type: string;
  message: string;
  frames: StackFrame[];
}

/** `undefined` where there is neither. @param error the exception, as `repr` or `Type: message`. */
export function errorReport(error: string | undefined, traceback: string | undefined): ErrorReport | undefined {
  if (error === undefined && traceback === undefined) return undefined;
  const trace = traceback?.slice(0, longestTrace);
  const lines = trace?.split("\n", mostLines) ?? [];
  const python = lines.some((line) => line.startsWith("Traceback (most recent call last)"));
  const found = python ? pythonCauses(lines) : javaScriptCauses(lines);
  const [outer, ...rest] = found.length > 0 ? found : [{ type: "", message: "", frames: [] }];
  const { type, message } = headOf(error ?? "");
  const first: ErrorCause = {
    frames: outer?.frames ?? [],
    // The traceback has the whole message, the event a part of it; but Python's of a retry is headed by the Retry itself.
    type: (error === undefined ? outer?.type : type) ?? "",
    message: (error === undefined ? outer?.message : message) ?? "",
  };
  return present<ErrorReport>({ causes: [first, ...rest].slice(0, mostCauses), traceback: trace });
}

/** `ValueError('x')`, `Type: message`, or only words. */
function headOf(text: string): { readonly type: string; readonly message: string } {
  const called = /^([\w$.]{1,200})\(([^]*)\)$/.exec(text.trim());
  if (called) return { type: called[1] ?? "", message: unquoted(called[2] ?? "") };
  const named = /^([\w$.]{1,200}): ([^]*)$/.exec(text);
  return named ? { type: named[1] ?? "", message: named[2] ?? "" } : { type: "", message: text };
}

function unquoted(text: string): string {
  const quote = text[0];
  const plain = (quote === "'" || quote === '"') && text.endsWith(quote) && text.length > 1;
  const inner = text.slice(1, -1);
  return plain && !inner.includes(quote) ? inner : text;
}

/** The last one printed is what was thrown; those above are its causes. */
function pythonCauses(lines: readonly string[]): readonly ErrorCause[] {
  const causes: Draft[] = [];
  let frames: StackFrame[] = [];
  for (const [index, line] of lines.entries()) {
    const frame = /^ {2}File "([^"]{1,1000})", line (\d{1,9})(?:, in (.{1,500}))?$/.exec(line);
    if (frame) {
      const [, file = "", number, name] = frame;
      const next = lines[index + 1];
      const source = next?.startsWith("    ") ? next.trim() : undefined;
      frames.push(present<StackFrame>({ file, line: Number(number), name, own: isOwn(file), source }));
    } else if (/^[A-Za-z_]/.test(line) && !/^(?:Traceback|During handling|The above)/.test(line)) {
      if (frames.length === 0 && causes.length > 0) continue; // a message of several lines
      causes.unshift({ ...headOf(line), frames: frames.toReversed() });
      frames = [];
    }
  }
  return causes;
}

/** As Node prints them: what belongs to an error stands in braces behind its last frame. */
function javaScriptCauses(lines: readonly string[]): readonly ErrorCause[] {
  const causes: Draft[] = [];
  let open = 0;
  for (const whole of lines) {
    if (open > 0 && whole === `${"  ".repeat(open - 1)}}`) {
      open--;
      continue;
    }
    const line = whole.endsWith(" {") ? whole.slice(0, -2) : whole;
    const opens = line !== whole;
    const frame = /^\s+at (?:(.{1,500}?) \()?((?:file:\/\/)?[^()\s]{1,1000}?)(?::(\d{1,9}))?(?::(\d{1,9}))?\)?$/.exec(
      line,
    );
    const current = causes.at(-1);
    if (frame && current) {
      const [, name, file = "", number, column] = frame;
      const place = {
        line: number === undefined ? undefined : Number(number),
        column: column === undefined ? undefined : Number(column),
      };
      current.frames.push(present<StackFrame>({ file, ...place, name, own: isOwn(file) }));
      if (opens) open++;
      continue;
    }
    const cause = /^\s*(?:\[cause\]: |Caused by: )(.*)$/.exec(line);
    const head = cause?.[1] ?? (current === undefined && line.trim() !== "" ? line : undefined);
    if (head !== undefined) {
      causes.push({ ...headOf(head), frames: [] });
      if (opens) open++;
    } else if (current?.frames.length === 0) current.message += `\n${whole}`;
  }
  return causes;
}

/** Of the user's: not of a package, of Node or of Python itself. */
function isOwn(file: string): boolean {
  return !/^node:|^<|\/node_modules\/|\/(?:site|dist)-packages\/|\/lib\/python\d|^native$/.test(file);
}
