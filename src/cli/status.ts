// `holdfast status`: asks a running instance's operations port and prints the answer. Shows whatever the
// instance tells (a list of like things as a table), so that it need not be of the same version.

import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { aligned } from "./table.ts";

const TIMEOUT_MS = 5_000;

export interface StatusOptions {
  readonly httpHost: string;
  readonly httpPort: number;
  /** The answer as it is, on one line. */
  readonly json: boolean;
}

/** Exit code 1 when nobody answers. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  const url = statusUrl(options);
  let report: unknown;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([io.signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    report = await response.json();
  } catch (error) {
    io.stderr(
      `no status from ${url}: ${reasonOf(error)}\nIs Holdfast running there? --http-host and --http-port say where to ask.\n`,
    );
    return EXIT.failed;
  }
  io.stdout(options.json ? `${JSON.stringify(report)}\n` : renderReport(report));
  return EXIT.ok;
}

/** An instance that listens on every address is asked on loopback. */
function statusUrl({ httpHost, httpPort }: StatusOptions): string {
  const host = httpHost === "0.0.0.0" || httpHost === "::" ? "127.0.0.1" : httpHost;
  return `http://${host.includes(":") ? `[${host}]` : host}:${httpPort}/status`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}

/** Values first, a line each; then a table for each list of objects. */
export function renderReport(report: unknown): string {
  const lines: string[][] = [];
  const tables: string[] = [];
  for (const [path, value] of leaves(report, "")) {
    if (isTable(value)) tables.push(`\n${path}\n${aligned(rowsOf(value))}`);
    else lines.push([path, cell(value)]);
  }
  return aligned(lines) + tables.join("");
}

type Row = Readonly<Record<string, unknown>>;

function isTable(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === "object" && row !== null);
}

function* leaves(value: unknown, path: string): Generator<[string, unknown]> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield [path, value];
    return;
  }
  for (const [key, part] of Object.entries(value)) yield* leaves(part, path === "" ? key : `${path}.${key}`);
}

/** A row with a table of its own takes as many lines as that has. */
function rowsOf(table: readonly Row[]): string[][] {
  const lines = table.flatMap(linesOf);
  const columns = [...new Set(lines.flatMap((line) => [...line.keys()]))];
  return [columns, ...lines.map((line) => columns.map((column) => line.get(column) ?? ""))];
}

function linesOf(row: Row): Map<string, string>[] {
  const first = new Map<string, string>();
  const lines = [first];
  for (const [path, value] of leaves(row, "")) {
    if (!isTable(value)) {
      first.set(path, cell(value));
      continue;
    }
    for (const [index, inner] of value.entries()) {
      const line = (lines[index] ??= new Map<string, string>());
      for (const [column, part] of leaves(inner, path)) line.set(column, cell(part));
    }
  }
  return lines;
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(cell).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
