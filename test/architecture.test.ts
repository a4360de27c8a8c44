/** The walls between the rooms, and the house rules that a machine can check. A rule that must change is changed here first. */

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../src/error/error-codes.ts";
import { readTree, root, withoutComments, type SourceFile } from "./source-tree.ts";

const sources = readTree("src");
const code = sources.filter((file) => !file.test);
const tests = [...sources.filter((file) => file.test), ...readTree("test")];

const ground = ["error", "clock", "heap"];
const ports = [...ground, "wire", "port"];
const app = [...ports, "task", "canvas", "app"];
/** Who may import whom. A room may always import itself; `*` is every room. */
const walls: Readonly<Record<string, readonly string[]>> = {
  "": ["*"],
  error: [],
  clock: [],
  heap: ["clock"],
  wire: ["error"],
  port: [...ground, "wire"],
  task: [...ground, "wire"],
  canvas: [...ground, "wire", "task"],
  driver: ports,
  app,
  control: app,
  event: app,
  beat: app,
  pool: [...ground, "wire", "task"],
  worker: [...app, "pool", "event", "control"],
  web: app,
  nest: [...app, "web", "dashboard"],
  opentelemetry: [...ground, "task"],
  outbox: app,
  dashboard: [...app, "event", "control"],
  cli: ["*"],
  testing: ["*"],
};
/** The doors through which a lower room loads a higher one, when it is used and not before. */
const doors: Readonly<Record<string, RegExp>> = {
  "src/app/connect.ts": /^src\/driver\/[\w-]+\/index\.ts$/,
  "src/app/work.ts": /^src\/worker\/start\.ts$/,
  "src/app/sent-events.ts": /^src\/event\/sent\.ts$/,
  "src/app/schedule-events.ts": /^src\/event\/schedule\.ts$/,
  "src/app/events.ts": /^src\/event\/stream\.ts$/,
  "src/app/beat.ts": /^src\/beat\/start\.ts$/,
  "src/app/revoking.ts": /^src\/control\/revoke\.ts$/,
  "src/app/explaining.ts": /^src\/control\/diagnosis\/why-waiting\.ts$/,
  "src/app/schedules.ts": /^src\/beat\/stored-schedules\.ts$/,
};
/** Seen only as types from there. */
const typeOnly: Readonly<Record<string, readonly string[]>> = { port: ["clock"], pool: ["app"] };

/** A driver's room is its own folder, its walls are those of all drivers. */
const wallOf = (room: string): readonly string[] | undefined => walls[room.startsWith("driver/") ? "driver" : room];

function trespasses(file: SourceFile): readonly string[] {
  const allowed = wallOf(file.room);
  if (allowed === undefined) return [`${file.path}: the room "${file.room}" is not on the plan`];
  return file.imports
    .filter(({ target, kind }) => {
      const other = roomOf(target);
      if (other === undefined) return true;
      if (other === file.room || allowed.includes("*")) return false;
      if (kind === "type" && typeOnly[file.room]?.includes(other)) return false;
      if (kind !== "type" && typeOnly[file.room]?.includes(other)) return true;
      if (kind !== "static" && doors[file.path]?.test(target)) return false;
      return !allowed.includes(other);
    })
    .map(({ target, kind }) => `${file.path} may not import ${target} (${kind})`);
}
const byPath = new Map(sources.map((file) => [file.path, file]));
const roomOf = (path: string): string | undefined => byPath.get(path)?.room;

describe("the rooms", () => {
  test("import only what their walls let in", () => {
    expect(code.flatMap(trespasses)).toEqual([]);
  });

  test("have no import cycle at run time", () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
        return;
      }
      if (done.has(path)) return;
      for (const { target, kind } of byPath.get(path)?.imports ?? []) {
        if (kind === "static") visit(target, [...trail, path]);
      }
      done.add(path);
    };
    for (const file of sources) visit(file.path, []);
    expect(cycles).toEqual([]);
  });

  test("import no package at load time but those that always come along", () => {
    const allowed = /^node:|^commander$/;
    // What is a peer is loaded when a URL or a framework asks for it; the conformance suites run inside a test runner.
    const exempt = (file: SourceFile): boolean => file.path.startsWith("src/testing/conformance/");
    // Whoever imports `celeriac/opentelemetry` asks for its peer by that, and nothing else of the package imports that room.
    const own = (file: SourceFile): string => (file.room === "opentelemetry" ? "@opentelemetry/api" : "");
    const loads = code
      .filter((file) => !exempt(file))
      .flatMap((file) =>
        [...withoutComments(file.text).matchAll(/^\s*import\s+(?!type\b)[^;"']*["']([^."'][^"']*)["']/gm)]
          .map(([, name = ""]) => name)
          .filter((name) => !allowed.test(name) && name !== own(file))
          .map((name) => `${file.path}: ${name}`),
      );
    expect(loads).toEqual([]);
  });
});

describe("every module", () => {
  test("begins with a comment that says what it is", () => {
    const silent = code.filter((file) => !/^(#!.*\n+)?(\/\*\*|\/\/)/.test(file.text));
    expect(silent.map((file) => file.path)).toEqual([]);
  });

  test("has one subject: at most 300 lines, tests 500", () => {
    const long = [...code.map((file) => [file, 300] as const), ...tests.map((file) => [file, 500] as const)]
      .map(([file, limit]) => ({ path: file.path, lines: file.text.split("\n").length - 1, limit }))
      .filter(({ lines, limit }) => lines > limit);
    expect(long).toEqual([]);
  });

  test("is named by a noun in kebab-case, never by a kind of code", () => {
    const words = /^(utils?|helpers?|common|misc|shared|types?|interfaces?|models?|lib)$/;
    const bad = [...sources, ...tests].filter((file) => {
      const parts = file.path
        .replace(/(\.test|\.test-d|\.d)?\.ts$/, "")
        .split("/")
        .slice(1);
      return parts.some((part, index) => {
        const tests = file.path.startsWith("test/") && part === "types" && index === 0;
        return (words.test(part) && !tests) || !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*$/.test(part);
      });
    });
    expect(bad.map((file) => file.path)).toEqual([]);
  });

  test("takes time from the clock", () => {
    const timers = /\b(setTimeout|setInterval)\s*\(|["']node:timers(\/promises)?["']/;
    const bad = code.filter(
      (file) => file.room !== "clock" && file.room !== "testing" && timers.test(withoutComments(file.text)),
    );
    expect(bad.map((file) => file.path)).toEqual([]);
  });

  test("says no `any`", () => {
    const said = /(:|\bas|[<|&])\s*any\b|\bany\[\]/;
    const bad = code.filter((file) => said.test(withoutComments(file.text).replace(/"[^"\n]*"/g, '""')));
    expect(bad.map((file) => file.path)).toEqual([]);
  });

  test("exports by name", () => {
    expect(code.filter((file) => /^export default\b/m.test(file.text)).map((file) => file.path)).toEqual([]);
  });
});

describe("the error codes", () => {
  test("stand in the table in order, once each", () => {
    expect([...errorCodes]).toEqual([...new Set(errorCodes)].toSorted());
  });

  test("are all used", () => {
    const text = code
      .filter((file) => basename(file.path) !== "error-codes.ts")
      .map((file) => withoutComments(file.text))
      .join("\n");
    expect(errorCodes.filter((name) => !new RegExp(`["'\`]${name}["'\`]`).test(text))).toEqual([]);
  });

  test("each have a section in docs/errors.md, in order, and no section is left over", () => {
    const page = readFileSync(join(root, "docs/errors.md"), "utf8");
    const headings = [...page.matchAll(/^## ([A-Z][A-Z_]+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual([...errorCodes]);
  });
});
