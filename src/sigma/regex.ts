// Regular expressions: the only file that knows the `re2js` package, a port of RE2 without native code. It runs in
// time linear in the text whatever the expression, so no rule can stall its processor; what RE2 cannot
// do in linear time (look-around, back-references) it refuses.

import { RE2JS } from "re2js";
import type { Regex } from "./expression.ts";
import type { TextTest } from "./pattern.ts";

const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

/** An expression of this length compiles in some milliseconds; none of a detection comes near it. */
const MAX_LENGTH = 4_096;

/** A test of whole texts, or why the expression is none that runs here. */
export function compileRegex({ source, flags }: Regex): TextTest | { readonly fault: string } {
  if (source.length > MAX_LENGTH) return { fault: `longer than ${MAX_LENGTH} characters` };
  try {
    const bits = flags.split("").reduce((sum, flag) => sum | (FLAGS[flag] ?? 0), 0);
    const compiled = RE2JS.compile(source, bits);
    return (text) => compiled.test(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { fault: message.replace(/^error parsing regexp: /u, "").split("\n", 1)[0] ?? message };
  }
}
