/** A chart with its title, its legend, which tells the figures under the pointer, and the same figures as a table for who sees no canvas. */

import { useState } from "react";
import { Section } from "../part/bits.tsx";
import { late } from "../part/late.tsx";
import { usePlace } from "../place/place.tsx";
import { clockText, fullMomentText } from "../text/moment.ts";
import { useNow } from "../server/instruments.tsx";
import type { ChartData } from "./lines.ts";

const Plot = late(() => import("./plot.tsx"));

export function TimeChart({
  title,
  data,
  from,
  until,
  format,
  steps,
  height = 140,
}: {
  readonly title: string;
  readonly data: ChartData;
  readonly from: number;
  readonly until: number;
  readonly format: (value: number) => string;
  readonly steps?: readonly number[];
  readonly height?: number;
}) {
  const { setTime } = usePlace();
  const now = useNow();
  const [index, setIndex] = useState<number>();
  const at = index === undefined ? undefined : data.times[index];
  return (
    <Section
      title={title}
      aside={
        <span className="flex flex-wrap justify-end gap-x-3" aria-hidden="true">
          {data.lines.toReversed().map(({ name, ink }) => (
            <Key key={name} name={name} ink={ink} />
          ))}
        </span>
      }
    >
      <div className="relative">
        <Plot
          data={data}
          height={height}
          format={format}
          steps={steps}
          from={from}
          until={until}
          onZoom={(start, end) => setTime({ kind: "between", from: start, until: end })}
          onPoint={setIndex}
          meanwhile={<div style={{ height }} />}
        />
        {index === undefined || at === undefined ? null : (
          // Over the chart, so that nothing moves under the pointer.
          <p
            className="pointer-events-none absolute top-0 right-1 left-14 flex flex-wrap justify-end gap-x-3 text-small"
            aria-hidden="true"
          >
            <span className="rounded bg-surface/90 px-1">{clockText(at, now)}</span>
            {data.lines.toReversed().map(({ name, ink, values }) => (
              <span key={name} className="rounded bg-surface/90 px-1">
                <Key name={name} ink={ink} value={valueText(values[index], format)} />
              </span>
            ))}
          </p>
        )}
      </div>
      <FiguresTable title={title} data={data} format={format} />
    </Section>
  );
}

function Key({ name, ink, value }: { readonly name: string; readonly ink: string; readonly value?: string }) {
  return (
    <span className="inline-flex items-center gap-1 whitespace-nowrap">
      <span className="size-2 rounded-xs" style={{ background: `var(${ink})` }} />
      {name}
      {value === undefined ? null : <b className="font-semibold">{value}</b>}
    </span>
  );
}

const mostRows = 60;

function FiguresTable({
  title,
  data,
  format,
}: {
  readonly title: string;
  readonly data: ChartData;
  readonly format: (value: number) => string;
}) {
  const [open, setOpen] = useState(false);
  const first = Math.max(0, data.times.length - mostRows);
  return (
    <details className="text-small text-dim" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="w-max rounded px-1 hover:text-ink">As a table</summary>
      {open ? (
        <div
          className="quiet-scroll max-h-60 overflow-auto"
          tabIndex={0}
          role="region"
          aria-label={`${title}, figures`}
        >
          <table className="w-full text-right text-ink">
            <caption className="sr-only">{title}</caption>
            <thead>
              <tr className="text-dim">
                <th scope="col" className="text-left font-normal">
                  from
                </th>
                {data.lines.map(({ name }) => (
                  <th key={name} scope="col" className="px-2 font-normal">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.times.slice(first).map((time, index) => (
                <tr key={time}>
                  <th scope="row" className="text-left font-normal whitespace-nowrap">
                    {fullMomentText(time).slice(0, 19)}
                  </th>
                  {data.lines.map(({ name, values }) => (
                    <td key={name} className="px-2">
                      {valueText(values[first + index], format)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}

function valueText(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}
