// How Holdfast is started by its image and its npm scripts: with more room for young objects than Node gives by
// itself. Events and states live for a moment; collected less often, fewer of them are still in use and have to be
// copied. The installed command does without: not every system's env can pass flags on. test/tidy.test.ts holds the
// places to one another.

export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=64"];

/** Flags that leave a CPU profile in the directory; "": none. */
export function profilingInto(directory: string): readonly string[] {
  return directory === "" ? [] : ["--cpu-prof", "--cpu-prof-dir", directory];
}
