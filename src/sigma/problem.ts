// What is wrong with rule text, and where. Every check of this folder reports into a Findings and goes
// on, so that one pass names all problems of all files. Nothing here knows Sigma or YAML.

/** 1-based line and column, as editors count; `offset` is 0-based in the file's text. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What stands there. */
  readonly found: string;
  /** What to write instead. */
  readonly instead: string;
}

/** `file:line:column: what was found; what to write instead`: clickable in terminals and editors. */
export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.found}; ${problem.instead}`;
}

/** By file, then by place: the order a reader fixes them in. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => compareText(a.file, b.file) || a.line - b.line || a.column - b.column);
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Collects the problems of one file. A problem refuses the rule set; a warning does not. */
export class Findings {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  constructor(file: string) {
    this.file = file;
  }

  refuse(at: Position, found: string, instead: string): void {
    this.problems.push({ file: this.file, line: at.line, column: at.column, found, instead });
  }

  warn(at: Position, found: string, instead: string): void {
    this.warnings.push({ file: this.file, line: at.line, column: at.column, found, instead });
  }
}

/** Text of the user's file inside a message: one line, bounded. */
export function quote(text: string): string {
  const line = text.replaceAll(/\s+/gu, " ");
  return `"${line.length > 60 ? `${line.slice(0, 57)}…` : line}"`;
}
