// The grammar of `condition`: names, `1 of` and `all of` patterns, not, and, or, parentheses. Knows no
// selections: what a name stands for is the caller's, so a condition over rule names parses here too.

import { quote } from "./problem.ts";

export type Condition =
  | { readonly kind: "name"; readonly name: string; readonly offset: number }
  /** `pattern` has `*` for any run of characters; `them` is every name. */
  | { readonly kind: "of"; readonly quantifier: "one" | "all"; readonly pattern: string; readonly offset: number }
  | { readonly kind: "and" | "or"; readonly operands: readonly Condition[] }
  | { readonly kind: "not"; readonly operand: Condition };

/** `offset` counts characters from the condition's first. */
export interface ConditionFault {
  readonly offset: number;
  readonly found: string;
  readonly instead: string;
}

type ParsedCondition = { readonly condition: Condition } | { readonly fault: ConditionFault };

interface Token {
  readonly text: string;
  readonly offset: number;
}

const MAX_DEPTH = 64;

/** Precedence as Sigma's: or < and < not < of < parentheses. */
export function parseCondition(text: string): ParsedCondition {
  try {
    return { condition: new Parser(tokenize(text), text.length).parse() };
  } catch (error) {
    if (error instanceof ConditionError) return { fault: error.fault };
    throw error;
  }
}

/** Leaves the recursive descent; never leaves this file. */
class ConditionError extends Error {
  readonly fault: ConditionFault;
  constructor(fault: ConditionFault) {
    super(fault.found);
    this.fault = fault;
  }
}

function fail(offset: number, found: string, instead: string): never {
  throw new ConditionError({ offset, found, instead });
}

const WORD = /[\w*.-]/u;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/\s/u.test(character)) {
      at += 1;
    } else if (character === "(" || character === ")") {
      tokens.push({ text: character, offset: at });
      at += 1;
    } else if (WORD.test(character)) {
      const start = at;
      while (at < text.length && WORD.test(text.charAt(at))) at += 1;
      tokens.push({ text: text.slice(start, at), offset: start });
    } else if (character === "|") {
      fail(at, 'the aggregation "|" in a condition', "write a correlation document (type: event_count and so on)");
    } else {
      fail(at, `${quote(character)} in a condition`, "write names, and, or, not, 1 of, all of, parentheses");
    }
  }
  return tokens;
}

const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not", "of"]);

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens;
    this.#end = end;
  }

  parse(): Condition {
    const condition = this.#or();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined)
      fail(rest.offset, `${quote(rest.text)} after a complete condition`, this.#joinAdvice(rest.text));
    return condition;
  }

  #joinAdvice(text: string): string {
    const lowered = text.toLowerCase();
    if (KEYWORDS.has(lowered) && lowered !== text) return `write ${lowered} in lower case`;
    return text === ")" ? "remove it or open it" : "join the two with and, or";
  }

  #or(): Condition {
    return this.#joined("or", () => this.#and());
  }

  #and(): Condition {
    return this.#joined("and", () => this.#not());
  }

  #joined(kind: "and" | "or", operand: () => Condition): Condition {
    const operands = [operand()];
    while (this.#tokens[this.#next]?.text === kind) {
      this.#next += 1;
      operands.push(operand());
    }
    const [only] = operands;
    return operands.length === 1 && only !== undefined ? only : { kind, operands };
  }

  #not(): Condition {
    if (this.#tokens[this.#next]?.text !== "not") return this.#operand();
    return this.#nested(() => {
      this.#next += 1;
      return { kind: "not", operand: this.#not() };
    });
  }

  #operand(): Condition {
    const token = this.#tokens[this.#next];
    if (token === undefined)
      return fail(this.#end, "a condition that ends too early", "write the name of a selection here");
    if (token.text === "(") return this.#nested(() => this.#parenthesis(token));
    if (token.text === ")" || KEYWORDS.has(token.text)) {
      return fail(token.offset, `${quote(token.text)} where a name is due`, "write the name of a selection here");
    }
    if (this.#tokens[this.#next + 1]?.text === "of") return this.#of(token);
    if (token.text.includes("*")) {
      return fail(
        token.offset,
        `the pattern ${quote(token.text)} alone`,
        `write 1 of ${token.text} or all of ${token.text}`,
      );
    }
    this.#next += 1;
    return { kind: "name", name: token.text, offset: token.offset };
  }

  #parenthesis(open: Token): Condition {
    this.#next += 1;
    const inner = this.#or();
    if (this.#tokens[this.#next]?.text !== ")") fail(open.offset, 'an unclosed "("', 'close it with ")"');
    this.#next += 1;
    return inner;
  }

  #of(quantifier: Token): Condition {
    const kind =
      quantifier.text === "all" ? "all" : quantifier.text === "1" || quantifier.text === "any" ? "one" : null;
    if (kind === null)
      return fail(quantifier.offset, `the quantifier ${quote(quantifier.text)}`, "write 1 of or all of");
    const pattern = this.#tokens[this.#next + 2];
    if (pattern === undefined || pattern.text === "(" || pattern.text === ")" || KEYWORDS.has(pattern.text)) {
      return fail(
        quantifier.offset,
        `${quote(`${quantifier.text} of`)} without names`,
        "write them or a pattern such as selection_* after it",
      );
    }
    this.#next += 3;
    return { kind: "of", quantifier: kind, pattern: pattern.text, offset: pattern.offset };
  }

  /** Bounds the recursion, so that no condition can exhaust the stack. */
  #nested(parse: () => Condition): Condition {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      fail(
        this.#tokens[this.#next]?.offset ?? this.#end,
        "a condition nested too deep",
        `nest at most ${MAX_DEPTH} levels`,
      );
    }
    const condition = parse();
    this.#depth -= 1;
    return condition;
  }
}

/**
 * The names a pattern stands for. Names that begin with an underscore are left out unless the pattern
 * does too, as Sigma has it.
 */
export function namesMatching(pattern: string, names: readonly string[]): string[] {
  const eligible = pattern.startsWith("_") ? names : names.filter((name) => !name.startsWith("_"));
  if (pattern === "them") return eligible.slice();
  const pieces = pattern.split("*");
  return eligible.filter((name) => followsPieces(name, pieces));
}

/** `a*b*c` against a name: first and last piece anchored, the others in order. */
function followsPieces(name: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return name === first;
  const last = pieces.at(-1) ?? "";
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
