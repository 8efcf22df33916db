// Runs vectors.json against an enforcer: `node vectors.ts [program argument…]`, without a program against the
// example's own ledger. Each vector starts the program anew, in a directory of its own (VECTORS_STATE), asks
// line by line, and kills it without warning where the vector says "restart". Exit code 1 when any fails.
//
//   → {"now": 1781000000000, "apply": {…a command…}}       ← {"ack": "APPLIED"}    (null: no acknowledgement)
//   → {"now": 1781000000000, "ask": {…an operation…}}      ← {"answer": "closed"}

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

interface Step {
  /** RFC 3339; counts until another step says otherwise. */
  readonly now?: string;
  /** What differs from the file's `command`. */
  readonly apply?: Record<string, unknown>;
  readonly ack?: string | null;
  readonly ask?: Record<string, unknown>;
  readonly answer?: string;
  readonly restart?: true;
}

interface Vectors {
  readonly now: string;
  readonly command: Record<string, unknown>;
  readonly operation: Record<string, unknown>;
  readonly vectors: readonly { readonly name: string; readonly why: string; readonly steps: readonly Step[] }[];
}

const ANSWER_WITHIN_MS = 10_000;
const own = [process.execPath, join(import.meta.dirname, "stdio.ts")];
const given = process.argv.slice(2);
const [program = "", ...leading] = given.length > 0 ? given : own;
const file = JSON.parse(readFileSync(join(import.meta.dirname, "vectors.json"), "utf8")) as Vectors;

/** Times in the file are text for people; in a command they are epoch milliseconds, as on the wire. */
function commandOf(step: Record<string, unknown>): Record<string, unknown> {
  const command = { ...file.command, ...step };
  const instants = new Set(["issuedAt", "effectiveAt", "expiresAt"]);
  return Object.fromEntries(
    Object.entries(command).map(([name, value]) => [
      name,
      instants.has(name) && typeof value === "string" ? Date.parse(value) : value,
    ]),
  );
}

class Enforcer {
  readonly #state: string = mkdtempSync(join(tmpdir(), "enforcer-vectors-"));
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;

  start(): void {
    const child = spawn(program, leading, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, VECTORS_STATE: this.#state },
    });
    child.on("error", (error) => console.error(`${program}: ${error.message}`));
    child.stdin.on("error", () => {}); // it shows as a missing answer
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async request(request: object): Promise<Record<string, unknown>> {
    this.#child!.stdin!.write(`${JSON.stringify(request)}\n`);
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const line = await Promise.race([this.#lines!.next(), once(late, "abort").then(() => null)]);
    if (line === null) throw new Error(`no answer within ${ANSWER_WITHIN_MS / 1_000} s`);
    if (line.done === true) throw new Error("the program ended without an answer");
    return JSON.parse(line.value) as Record<string, unknown>;
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#state, { recursive: true, force: true });
  }
}

/** @returns what went wrong; undefined: nothing */
async function run(steps: readonly Step[]): Promise<string | undefined> {
  const enforcer = new Enforcer();
  let now = file.now;
  try {
    enforcer.start();
    for (const [index, step] of steps.entries()) {
      now = step.now ?? now;
      const at = Date.parse(now);
      if (step.restart === true) {
        await enforcer.kill();
        enforcer.start();
      } else if (step.apply !== undefined) {
        const { ack } = await enforcer.request({ now: at, apply: commandOf(step.apply) });
        if (ack !== step.ack) return `step ${index + 1}: acknowledged ${text(ack)}, must be ${text(step.ack)}`;
      } else {
        const { answer } = await enforcer.request({ now: at, ask: { ...file.operation, ...step.ask } });
        if (answer !== step.answer) return `step ${index + 1}: answered ${text(answer)}, must be ${text(step.answer)}`;
      }
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await enforcer.end();
  }
}

function text(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

let failed = 0;
for (const { name, why, steps } of file.vectors) {
  const problem = await run(steps);
  if (problem !== undefined) failed += 1;
  console.log(problem === undefined ? `ok      ${name}` : `FAILED  ${name}: ${problem}\n        ${why}`);
}
console.log(`${file.vectors.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
