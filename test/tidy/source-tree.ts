// Source files as the tidy checks see them: text, code without comments and string contents, imports, header.
// A small scanner, because no parser of this TypeScript version is among the dependencies.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface SourceFile {
  /** From the project root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Same length and lines as `text`; comments and what stands inside quotes are blank. */
  readonly code: string;
  /** What it imports: project paths for relative ones, otherwise as written. */
  readonly imports: readonly string[];
  /** As written. */
  readonly specifiers: readonly string[];
  /** The comment it opens with, without slashes; empty when it does not. */
  readonly header: readonly string[];
}

/** Every .ts and .mjs file under the given folders of the project. */
export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => filesUnder(root, folder))
    .filter((path) => /\.(?:ts|mjs)$/u.test(path))
    .map((path) => source(path, readFileSync(join(root, path), "utf8")));
}

/** Paths from the root, with slashes; a folder that does not exist has none. */
export function filesUnder(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => posix.join(entry.parentPath.slice(root.length + 1).replaceAll("\\", "/"), entry.name));
  } catch {
    return [];
  }
}

export function source(path: string, text: string): SourceFile {
  const code = withoutCommentsAndStrings(text);
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*"( *)"/gu)].map(({ 0: whole, 1: blank, index }) => {
    const start = index + whole.length - 1 - blank!.length;
    return text.slice(start, start + blank!.length);
  });
  return {
    path,
    text,
    code,
    specifiers,
    imports: specifiers.map((name) => (name.startsWith(".") ? posix.join(posix.dirname(path), name) : name)),
    header: headerOf(text),
  };
}

export function lines(file: SourceFile): number {
  return file.text.split("\n").length - 1;
}

function headerOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines[0]?.startsWith("#!")) lines.shift();
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines.slice(0, end === -1 ? undefined : end).map((line) => line.slice(2));
}

function withoutCommentsAndStrings(text: string): string {
  const out = text.split("");
  const blank = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
  };
  // One entry for each open `${`: how many braces are open inside it.
  const templates: number[] = [];
  let at = 0;
  const skipTemplateText = (): void => {
    const start = at;
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1;
    blank(start, at);
    if (text[at] === "`") at++;
    else {
      at += 2;
      templates.push(0);
    }
  };
  while (at < text.length) {
    const char = text[at]!;
    if (text.startsWith("//", at)) {
      const end = text.indexOf("\n", at);
      blank(at, end === -1 ? text.length : end);
      at = end === -1 ? text.length : end;
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2) + 2;
      blank(at, end);
      at = end;
    } else if (char === '"' || char === "'" || (char === "/" && startsRegExp(text, at))) {
      const end = endOfLiteral(text, at);
      blank(at + 1, end);
      at = end + 1;
    } else if (char === "`") {
      at++;
      skipTemplateText();
    } else if (templates.length > 0 && (char === "{" || char === "}")) {
      at++;
      if (char === "{") templates[templates.length - 1]!++;
      else if (templates.at(-1) === 0) {
        templates.pop();
        skipTemplateText();
      } else templates[templates.length - 1]!--;
    } else at++;
  }
  return out.join("");
}

/** A slash divides after a value and opens a regular expression after anything else. */
function startsRegExp(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  return /(?:^|[=(,:;!&|?{}[\n>+]|\breturn|\bcase)$/u.test(before);
}

/** Index of the closing quote or slash; the line's end when there is none. */
function endOfLiteral(text: string, start: number): number {
  const quote = text[start];
  let inClass = false;
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at];
    if (char === "\n") return at;
    if (char === "\\") at++;
    else if (quote === "/" && char === "[") inClass = true;
    else if (quote === "/" && char === "]") inClass = false;
    else if (char === quote && !inClass) return at;
  }
  return text.length;
}
