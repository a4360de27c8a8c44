/** One chart on a canvas, by uPlot; loaded once a page needs it. Dragging over it chooses a stretch of time. */

import { useEffect, useRef } from "react";
import Chart from "uplot";
import "uplot/dist/uPlot.min.css";
import { shortClockText } from "../text/moment.ts";
import { type ChartData, stacked } from "./lines.ts";

export interface PlotProps {
  readonly data: ChartData;
  readonly height: number;
  readonly format: (value: number) => string;
  /** Between marks of the axis of values; powers of ten and their halves without it. */
  readonly steps?: readonly number[] | undefined;
  /** The stretch that is shown, ms: also where there is no data. */
  readonly from: number;
  readonly until: number;
  readonly onZoom: (from: number, until: number) => void;
  /** Which column is under the pointer. */
  readonly onPoint: (index: number | undefined) => void;
}

export default function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { data, from, until } = props;
  const shape = `${data.look} ${data.lines.map(({ name }) => name).join()}`;

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new Chart(optionsOf(element, latest), columnsOf(latest.current.data), element);
    };
    draw();
    const sizes = new ResizeObserver(() => {
      chart.current?.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    sizes.observe(element);
    // Colours of a canvas do not follow the theme by themselves.
    const theme = matchMedia("(prefers-color-scheme: dark)");
    theme.addEventListener("change", draw);
    return () => {
      theme.removeEventListener("change", draw);
      sizes.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    const plot = chart.current;
    plot?.batch(() => {
      plot.setData(columnsOf(data), false);
      // One place for both scales, so that what is drawn and what is shown are of the same moment.
      plot.setScale("x", { min: from / 1_000, max: until / 1_000 });
    });
  }, [data, from, until]);

  return <div ref={place} className="w-full" style={{ height: props.height }} aria-hidden="true" />;
}

/** Steps of the time axis, s. Charts that are narrow would have one mark alone, were there none of two and of twenty minutes. */
const seconds = [1, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800];
const hours = [1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 96, 120, 168].map((hours) => hours * 3_600);

/** Of the axis of values, at least, and of half a text of the other one, px. */
const valuesWidth = 58;
const halfText = 22;

function columnsOf({ times, lines, look }: ChartData): Chart.AlignedData {
  const drawn = look === "stacked" ? stacked(lines) : lines;
  return [times.map((time) => time / 1_000), ...drawn.map(({ values }) => [...values])];
}

function optionsOf(element: HTMLElement, latest: { readonly current: PlotProps }): Chart.Options {
  const { data, height, from, until, steps } = latest.current;
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = { font, stroke: colour("--dim"), ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  const bars = Chart.paths.bars?.({ size: [1, 40], gap: 1, align: 1 });
  const drawn = data.look === "stacked" ? data.lines.toReversed() : data.lines;
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [6, 4, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: {
      x: { time: true, range: (_plot, min, max) => [min, max], min: from / 1_000, max: until / 1_000 },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 58,
        incrs: [...seconds, ...hours],
        // At the right end half of it would be cut.
        values: ({ width }, splits) =>
          splits.map((at) => (fits(at, latest.current, width) ? axisText(at, latest.current) : "")),
      },
      {
        ...axis,
        size: (_plot, texts) => Math.max(valuesWidth, ...(texts ?? []).map((text) => text.length * 5.6 + 10)),
        space: 28,
        ...(steps !== undefined && { incrs: [...steps] }),
        values: (_plot, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...drawn.map(({ name, ink }) => ({
        label: name,
        stroke: colour(ink),
        width: data.look === "stacked" ? 0 : 1.5,
        points: { show: false },
        spanGaps: false,
        ...(data.look === "stacked" && { fill: colour(ink), ...(bars !== undefined && { paths: bars }) }),
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 6) return;
          const [start, end] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(start * 1_000, end * 1_000);
        },
      ],
      setCursor: [(plot) => latest.current.onPoint(plot.cursor.idx ?? undefined)],
    },
  };
}

/** Whether a text in the middle of this moment is whole. */
function fits(at: number, { from, until }: PlotProps, width: number): boolean {
  return ((until - at * 1_000) / (until - from)) * (width - valuesWidth) > halfText;
}

/** Days are named where the stretch is longer than one. */
function axisText(at: number, { from, until }: PlotProps): string {
  const moment = new Date(at * 1_000);
  if (until - from > 36 * 3_600_000)
    return (
      moment.toLocaleDateString(undefined, { weekday: "short", day: "numeric" }) +
      (moment.getHours() === 0 ? "" : ` ${shortClockText(at * 1_000)}`)
    );
  return until - from < 600_000 ? moment.toTimeString().slice(0, 8) : shortClockText(at * 1_000);
}
