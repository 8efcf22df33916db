// Kinds of settings: how the text of a variable or flag becomes a value, and how the reference page
// describes it. A wrong text is a value (`problem`), so that the reader can collect all of them.

import { readFileSync } from "node:fs";
import { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
import type { Duration } from "../core/time.ts";

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

export interface Kind<T> {
  /** In `--flag <placeholder>`. */
  readonly placeholder: string;
  /** What is allowed, in Markdown. */
  readonly allowed: string;
  /** May the flag stand without a value (it is then parsed as `true`)? */
  readonly bare: boolean;
  /** `problem` completes a sentence that begins with the setting's name: `must be …`. */
  parse(text: string): Parsed<T>;
  /** The value as one would write it. */
  show(value: T): string;
}

/** @param allowed Markdown, as on the reference page */
function mustBe(allowed: string, given: string): { readonly problem: string } {
  return { problem: `must be ${allowed.replaceAll("`", "")}; got "${given}"` };
}

/** A secret: prints as `[secret]`, wherever it ends up; `reveal()` gives the text. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
}

/** Where a task without a checkpoint starts: an end of the log, or this many milliseconds back. */
export type StartFrom = "earliest" | "latest" | Duration;

export function text(options: { placeholder?: string; pattern?: RegExp; allowed?: string } = {}): Kind<string> {
  const allowed = options.allowed ?? "text";
  return {
    placeholder: options.placeholder ?? "text",
    allowed,
    bare: false,
    parse: (given) =>
      options.pattern === undefined || options.pattern.test(given) ? { value: given } : mustBe(allowed, given),
    show: (value) => value,
  };
}

/** Comma-separated `host:port` pairs; an IPv6 host stands in brackets. */
export function brokers(): Kind<readonly string[]> {
  const allowed = "`host:port`, several separated by commas";
  return {
    placeholder: "host:port,…",
    allowed,
    bare: false,
    parse(given) {
      const items = given.split(",").map((item) => item.trim());
      const wrong = items.filter((item) => !isHostAndPort(item));
      return wrong.length === 0 ? { value: items } : mustBe(allowed, wrong.join(", "));
    },
    show: (value) => value.join(","),
  };
}

function isHostAndPort(item: string): boolean {
  const match = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(item);
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65_535;
}

export function url(): Kind<string> {
  const allowed = "an http or https URL";
  return {
    placeholder: "url",
    allowed,
    bare: false,
    parse(given) {
      const parsed = URL.parse(given);
      if (parsed === null || !/^https?:$/.test(parsed.protocol)) return mustBe(allowed, given);
      if (parsed.username !== "" || parsed.password !== "")
        return { problem: "must not carry a user name or password" };
      return { value: given.replace(/\/+$/, "") };
    },
    show: (value) => value,
  };
}

/** A whole number from `min` to `max`, of `unit` (plural) where it counts something. */
export function integer(options: { unit?: string; min: number; max: number }): Kind<number> {
  const counted = options.unit === undefined ? "" : ` of ${options.unit}`;
  const allowed = `a whole number${counted} from ${options.min} to ${options.max}`;
  return {
    placeholder: options.unit === "milliseconds" ? "ms" : "number",
    allowed,
    bare: false,
    parse(given) {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      return value >= options.min && value <= options.max ? { value } : mustBe(allowed, given);
    },
    show: String,
  };
}

/** A share: a decimal number from 0 to 1. */
export function fraction(): Kind<number> {
  const allowed = "a decimal number from 0 to 1";
  return {
    placeholder: "number",
    allowed,
    bare: false,
    parse(given) {
      const value = /^\d(\.\d{1,9})?$/.test(given) ? Number(given) : Number.NaN;
      return value <= 1 ? { value } : mustBe(allowed, given);
    },
    show: String,
  };
}

export function milliseconds(min: Duration, max: Duration): Kind<Duration> {
  return integer({ unit: "milliseconds", min, max });
}

export function truth(): Kind<boolean> {
  const allowed = "`true` or `false`";
  return {
    placeholder: "true|false",
    allowed,
    bare: true,
    parse: (given) => (given === "true" || given === "false" ? { value: given === "true" } : mustBe(allowed, given)),
    show: String,
  };
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  const allowed = values.map((value) => `\`${value}\``).join(", ");
  return {
    placeholder: values.join("|"),
    allowed,
    bare: false,
    parse(given) {
      const value = values.find((candidate) => candidate === given);
      return value === undefined ? mustBe(`one of ${allowed}`, given) : { value };
    },
    show: (value) => value,
  };
}

/** Path of a file with PEM text, read at start. */
export function pemFile(): Kind<string> {
  return {
    placeholder: "path",
    allowed: "the path of a PEM file",
    bare: false,
    parse(path) {
      const content = contentOf(path);
      if ("problem" in content) return content;
      return content.value.includes("-----BEGIN ") ? content : { problem: `names a file that is not PEM: ${path}` };
    },
    show: () => "[read from a file]",
  };
}

/** Path of a file that holds nothing but a secret, read at start; a final line end is not part of it. */
export function secretFile(): Kind<Secret> {
  return {
    placeholder: "path",
    allowed: "the path of a file that holds the secret and nothing else",
    bare: false,
    parse(path) {
      const content = contentOf(path);
      if ("problem" in content) return content;
      const secret = content.value.replace(/\r?\n$/, "");
      return secret === "" ? { problem: `names an empty file: ${path}` } : { value: new Secret(secret) };
    },
    show: String,
  };
}

/** Path of a file with a token, there at start and read when needed. */
export function tokenPath(): Kind<string> {
  return {
    placeholder: "path",
    allowed: "the path of a file that holds the token and nothing else",
    bare: false,
    parse(path) {
      const content = contentOf(path);
      if ("problem" in content) return content;
      return content.value.trim() === "" ? { problem: `names an empty file: ${path}` } : { value: path };
    },
    show: (path) => path,
  };
}

function contentOf(path: string): Parsed<string> {
  try {
    return { value: readFileSync(path, "utf8") };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    return { problem: `names a file that cannot be read (${code}): ${path}` };
  }
}

const UNITS: Readonly<Record<string, Duration>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };

export function startFrom(): Kind<StartFrom> {
  const allowed = "`earliest`, `latest`, or how far back: a whole number with `s`, `m`, `h` or `d`";
  return {
    placeholder: "earliest|latest|duration",
    allowed,
    bare: false,
    parse(given) {
      if (given === "earliest" || given === "latest") return { value: given };
      const match = /^(\d{1,9})([smhd])$/.exec(given);
      if (match === null) return mustBe(allowed, given);
      return { value: Number(match[1]) * UNITS[match[2]!]! };
    },
    show: (value) => (typeof value === "number" ? showDuration(value) : value),
  };
}

function showDuration(duration: Duration): string {
  if (duration % HOUR === 0) return `${duration / HOUR}h`;
  return duration % MINUTE === 0 ? `${duration / MINUTE}m` : `${duration / SECOND}s`;
}
