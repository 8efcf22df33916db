// Text that people wrote into files: UTF-8, and where it is not, the place. Read leniently, a file of another
// encoding would load with U+FFFD in it, which no event holds.

import { isUtf8 } from "node:buffer";
import type { TextFault } from "../sigma/document.ts";

/** null: it is UTF-8. */
export function utf8Fault(bytes: Buffer): TextFault | null {
  if (isUtf8(bytes)) return null;
  const text = bytes.toString("utf8");
  // What was no UTF-8 comes back as U+FFFD, so that the first byte that changed is the one.
  const again = Buffer.from(text, "utf8");
  let offset = 0;
  while (offset < bytes.length && bytes[offset] === again[offset]) offset++;
  const before = bytes.subarray(0, offset);
  const lineStart = before.lastIndexOf(0x0a) + 1;
  let line = 1;
  for (const byte of before) if (byte === 0x0a) line++;
  const byte = bytes[offset]?.toString(16).padStart(2, "0");
  const found = byte === undefined ? "the end of the file" : `the byte 0x${byte}`;
  return {
    at: { line, column: before.toString("utf8", lineStart).length + 1, offset },
    found: `${found} at byte ${offset}, which is no UTF-8`,
    instead: "save the file as UTF-8",
  };
}

/** A file that has to be text is none. */
export class NotUtf8 extends Error {
  constructor(path: string, { at, found, instead }: TextFault) {
    super(`${path}:${at.line}:${at.column}: ${found}; ${instead}`);
    this.name = "NotUtf8";
  }
}
