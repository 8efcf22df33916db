// Chunks of bytes → lines, numbered from 1. A line is what stands before a line feed (a carriage return
// before it goes too); one above the limit is skipped without being kept in memory.

export interface Line {
  readonly number: number;
  /** null: longer than the limit. */
  readonly bytes: Buffer | null;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** @param limit bytes of one line */
export async function* linesOf(chunks: AsyncIterable<Buffer | string>, limit: number): AsyncGenerator<Line> {
  let number = 1;
  let pending: Buffer[] = [];
  let length = 0;
  const take = (): Line => {
    const bytes = length > limit ? null : withoutReturn(Buffer.concat(pending));
    const line = { number, bytes };
    number += 1;
    pending = [];
    length = 0;
    return line;
  };
  const keep = (piece: Buffer): void => {
    length += piece.length;
    if (length <= limit) pending.push(piece);
    else pending = [];
  };
  for await (const chunk of chunks) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      keep(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < bytes.length) keep(bytes.subarray(start));
  }
  if (length > 0) yield take();
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
