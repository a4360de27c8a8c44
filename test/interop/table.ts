/** The matrix as Markdown: a table for each direction, a row for each behaviour, in each cell the Celery that it was tried with. */

import { applies, type Behaviour, type Direction, type Servers } from "./behaviour.ts";
import { type ReleaseName, releaseNames } from "./release.ts";

export interface Column {
  readonly servers: Servers;
  readonly release: ReleaseName;
}
export type Cell =
  | { readonly kind: "green"; readonly celery: string }
  | { readonly kind: "red"; readonly why: string }
  | { readonly kind: "skipped"; readonly why: string };

const titles: Readonly<Record<Servers, string>> = {
  redis: "Redis",
  rabbitmq: "RabbitMQ, results in Redis",
  rpc: "RabbitMQ, `rpc://`",
};

export const directions: readonly Direction[] = ["TypeScript → Python", "Python → TypeScript", "mixed workers"];
/** Lines of the page between which the matrix stands. */
export const marks = {
  begin: "<!-- the matrix: npm run interop -- --write -->",
  end: "<!-- end of the matrix -->",
} as const;

export const columns: readonly Column[] = (Object.keys(titles) as Servers[]).flatMap((servers) =>
  releaseNames.map((release) => ({ servers, release })),
);

/** A dash stands where a behaviour means nothing on those servers, or that release does not have it. */
export function tables(
  behaviours: readonly Behaviour[],
  cellOf: (behaviour: Behaviour, column: Column) => Cell | undefined,
): string {
  return directions
    .map((direction) => [direction, behaviours.filter((behaviour) => behaviour.direction === direction)] as const)
    .filter(([, rows]) => rows.length > 0)
    .map(([direction, rows]) => {
      const shown = columns.filter(({ servers, release }) => rows.some((row) => applies(row, servers, release)));
      const head = ["", ...shown.map(({ servers, release }) => `${titles[servers]}, Celery ${release}`)];
      const lines = rows.map((row) => [row.name, ...shown.map((column) => text(row, column, cellOf(row, column)))]);
      return `### ${direction}\n\n${[head, head.map(() => "---"), ...lines].map(line).join("\n")}\n`;
    })
    .join("\n");
}

function text(row: Behaviour, { servers, release }: Column, cell: Cell | undefined): string {
  if (!applies(row, servers, release)) return "–";
  if (cell === undefined) return "";
  return cell.kind === "green" ? cell.celery : cell.kind === "red" ? "**FAILED**" : "**skipped**";
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
