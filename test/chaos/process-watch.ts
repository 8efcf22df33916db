// What the Holdfast processes of a chaos run say of themselves: their memory while they run, and afterwards
// the events in their logs.

import { readFile } from "node:fs/promises";
import type { Arena } from "./arena.ts";

const MEMORY_EVERY_MS = 2_000;

/** The largest process so far, by what each says of itself. */
export function watchMemory(arena: Arena): { peak: () => number; stop: () => void } {
  let peak = 0;
  const look = async (): Promise<void> => {
    for (const { instance } of arena.running()) {
      // Killed, it may break off in the middle of its answer.
      const text = await fetch(`${instance.url}/metrics`, { signal: AbortSignal.timeout(MEMORY_EVERY_MS) })
        .then((answer) => answer.text())
        .catch(() => "");
      peak = Math.max(peak, Number(/^process_resident_memory_bytes (\S+)$/mu.exec(text)?.[1] ?? 0));
    }
  };
  const timer = setInterval(() => void look(), MEMORY_EVERY_MS);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

interface LogLine {
  readonly event?: string;
  readonly result?: string;
  readonly reason?: string;
}

/** From the processes' own logs, which survive their deaths. */
export async function countEvents(arena: Arena): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { instance } of arena.slots) {
    const text = await readFile(instance.logFile, "utf8").catch(() => "");
    for (const line of text.split("\n")) {
      // A process that was killed may have written half a line.
      if (!line.startsWith("{") || !line.endsWith("}")) continue;
      const { event = "?", result, reason } = JSON.parse(line) as LogLine;
      const name = [event, result ?? reason].filter((part) => part !== undefined).join(" ");
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}
