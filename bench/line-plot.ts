/**
 * Lines over sizes as an SVG: one panel for each unit of measure, above a common axis of sizes whose steps are powers of ten. Readable on
 * light and on dark; no script, no font, no colour alone: each line has its own dash and stands with its name in the legend.
 */

import type { Point } from "./statistics.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Panel {
  /** Of the values: what is measured, and in what. */
  readonly label: string;
  /** Steps of ten times instead of equal ones; for what spans more than a hundred times. */
  readonly powers?: boolean;
  readonly lines: readonly Line[];
}

export interface Plot {
  readonly title: string;
  /** Of the sizes. */
  readonly label: string;
  readonly panels: readonly Panel[];
}

const width = 640;
const area = { left: 64, right: 20, height: 150 } as const;
const above = 66;
const between = 66;
const below = 52;
const dashes = ["", "7 4", "2 4"] as const;

/** Throws where a panel has no positive value: there is nothing to draw. */
export function linePlot({ title, label, panels }: Plot): string {
  const sizes = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(({ x }) => x)));
  const xs = powersAround(sizes);
  const across = (x: number): number => area.left + place(x, xs.from, xs.to, true) * (width - area.left - area.right);
  const height = above + panels.length * area.height + (panels.length - 1) * between + below;
  const parts: string[] = [text(area.left, 22, title, "head")];
  for (const [at, panel] of panels.entries()) {
    const top = above + at * (area.height + between);
    parts.push(...drawn(panel, top, across));
    const bottom = top + area.height;
    for (const tick of xs.ticks) {
      const x = across(tick);
      parts.push(`<path class="grid" d="M${px(x)} ${px(top)} V${px(bottom)}" />`);
      parts.push(text(x, bottom + 18, short(tick), "note", "middle"));
    }
  }
  parts.push(text((area.left + width - area.right) / 2, height - 12, label, "note", "middle"));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    `  <title id="title">${escaped(title)}</title>`,
    style,
    ...parts.map((part) => `  ${part}`),
    "</svg>",
    "",
  ].join("\n");
}

function drawn(panel: Panel, top: number, across: (x: number) => number): string[] {
  const values = panel.lines.flatMap(({ points }) => points.map(({ y }) => y));
  const ys = panel.powers === true ? powersAround(values) : stepsTo(Math.max(...values));
  const up = (y: number): number => top + area.height * (1 - place(y, ys.from, ys.to, panel.powers === true));
  const parts = [text(area.left, top - 24, panel.label, "label")];
  for (const tick of ys.ticks) {
    const y = up(tick);
    parts.push(`<path class="grid" d="M${px(area.left)} ${px(y)} H${px(width - area.right)}" />`);
    parts.push(text(area.left - 8, y + 4, short(tick), "note", "end"));
  }
  let legend = area.left;
  for (const [at, { name, points }] of panel.lines.entries()) {
    const dash = dashes[at % dashes.length];
    const drawnDash = dash === "" ? "" : ` stroke-dasharray="${dash}"`;
    const way = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${px(across(x))} ${px(up(y))}`).join(" ");
    parts.push(`<path class="line line-${at}" d="${way}"${drawnDash} />`);
    for (const { x, y } of points)
      parts.push(`<circle class="dot-${at}" cx="${px(across(x))}" cy="${px(up(y))}" r="3" />`);
    parts.push(`<path class="line line-${at}" d="M${px(legend)} ${px(top - 12)} h26"${drawnDash} />`);
    parts.push(text(legend + 32, top - 8, name, "note"));
    // Letters of 12 px are some 6.6 wide.
    legend += 32 + name.length * 6.6 + 22;
  }
  return parts;
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** From the power of ten below all values to the one above. */
function powersAround(values: readonly number[]): Axis {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) throw new Error("a plot without a positive value");
  const first = Math.floor(Math.log10(Math.min(...positive)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...positive)) - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
  return { from: 10 ** first, to: 10 ** last, ticks };
}

/** From 0 in four or five equal steps of 1, 2 or 5 times a power of ten. */
function stepsTo(most: number): Axis {
  if (!(most > 0)) throw new Error("a plot without a positive value");
  const unit = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * unit).find((each) => each * 5 >= most) ?? 10 * unit;
  const ticks = Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, at) => at * step);
  return { from: 0, to: ticks.at(-1) ?? most, ticks };
}

/** Where a value lies between two, 0 to 1. */
function place(value: number, from: number, to: number, powers: boolean): number {
  if (!powers) return (value - from) / (to - from);
  return Math.log(Math.max(value, from) / from) / Math.log(to / from);
}

function short(value: number): string {
  for (const [unit, letter] of [
    [1e6, " M"],
    [1e3, " k"],
  ] as const) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  }
  return String(Number(value.toPrecision(3)));
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

function text(x: number, y: number, words: string, kind: string, anchor?: "middle" | "end"): string {
  const where = anchor === undefined ? "" : ` text-anchor="${anchor}"`;
  return `<text class="${kind}" x="${px(x)}" y="${px(y)}"${where}>${escaped(words)}</text>`;
}

const escaped = (words: string): string =>
  words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The colours of the other pictures of the docs. */
const style = `  <style>
    text { font: 14px ui-sans-serif, system-ui, sans-serif; fill: #24292f; }
    .head { font-size: 15px; font-weight: 600; }
    .label { font-size: 13px; }
    .note { font-size: 12px; fill: #57606a; }
    .grid { fill: none; stroke: #d0d7de; stroke-width: 1; }
    .line { fill: none; stroke-width: 2; }
    .line-0 { stroke: #0550ae; } .dot-0 { fill: #0550ae; }
    .line-1 { stroke: #a40e26; } .dot-1 { fill: #a40e26; }
    .line-2 { stroke: #1a7f37; } .dot-2 { fill: #1a7f37; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .note { fill: #8d96a0; }
      .grid { stroke: #30363d; }
      .line-0 { stroke: #79c0ff; } .dot-0 { fill: #79c0ff; }
      .line-1 { stroke: #ff7b72; } .dot-1 { fill: #ff7b72; }
      .line-2 { stroke: #3fb950; } .dot-2 { fill: #3fb950; }
    }
  </style>`;
