// `npm run check`: everything that can be said about the code without running it, in seconds. Runs all of it
// and prints what each tool that found something said; exits 1 if any did.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "..");
const sources = ["src", "test", "bench", "dev", "examples"];

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types", "tsc", "-p", "."],
  // On explicit paths: without, a mistake in the configuration reports success over nothing.
  ["lint", "oxlint", "--type-aware", ...sources],
  ["format", "oxfmt", "--check", ...sources],
  ["dead code", "knip"],
  ["tidy", "node", "--test", "--test-reporter=dot", "test/tidy.test.ts"],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const started = performance.now();
  const tool = spawn(join(root, "node_modules", ".bin", command), args, { cwd: root });
  const [printed, errors, [code]] = await Promise.all([
    text(tool.stdout),
    text(tool.stderr),
    once(tool, "close") as Promise<[number | null]>,
  ]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "✔" : "✖"} ${name} (${seconds} s)`);
  if (code !== 0) {
    failed++;
    console.log((printed + errors).trimEnd());
  }
}
if (failed > 0) {
  console.log(`\n${failed} of ${checks.length} checks found something. Formatting is put right by: npm run format`);
  process.exit(1);
}
