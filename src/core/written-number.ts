// Which text writes a number: what rules compare as one, and what correlations add up. One definition, or a sum
// would count what no comparison sees.

const DECIMAL = /^[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?$/iu;

/** The number nearest to it; NaN for text that writes none (blanks and hexadecimal included), or one too large. */
export function writtenNumber(text: string): number {
  const number = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}
