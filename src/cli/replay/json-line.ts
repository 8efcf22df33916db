// The bytes of one line → the JSON object they are, or where they stop being one.

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const POSITION = /\bat position (\d+)/u;

/** @returns the object, or what to do about the line */
export function objectOf(bytes: Buffer): { readonly object: object } | { readonly problem: string } {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return { problem: "the line is not UTF-8; write one JSON object a line" };
  }
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { object: parsed };
    return { problem: "the line is no JSON object; write one a line" };
  } catch (error) {
    return { problem: `the line is not JSON${placeOf(error)}; write one object a line` };
  }
}

/** Not every message of JSON.parse has it. */
function placeOf(error: unknown): string {
  const [, position] = POSITION.exec(error instanceof Error ? error.message : "") ?? [];
  return position === undefined ? "" : ` at column ${Number(position) + 1}`;
}
