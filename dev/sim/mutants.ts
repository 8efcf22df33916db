// Deliberate breakages of the engine, each an exact edit of a source file that a child process of the simulator
// applies while it loads (mutant-loader.ts): the sources themselves know nothing of them. A simulator that does
// not find each of them is no proof of anything.

export interface Mutant {
  readonly name: string;
  /** What a reader of the table should know of it. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
}

/** `find` occurs in the file exactly once: an edit that no longer fits fails loudly. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Of the environment: the mutant a child is to be. */
export const MUTANT_VARIABLE = "HOLDFAST_SIM_MUTANT";

/** @throws Error when an edit does not fit the text exactly once */
export function mutated({ name, edits }: Mutant, file: string, text: string): string {
  return edits
    .filter((edit) => edit.file === file)
    .reduce((edited, { find, replace }) => {
      const parts = edited.split(find);
      if (parts.length === 2) return parts.join(replace);
      throw new Error(`mutant "${name}": ${file} holds ${parts.length - 1} times, not once: ${find}`);
    }, text);
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "commit before the acknowledgement",
    breaks: "K2: a checkpoint no longer waits for what was decided before it",
    edits: [
      {
        file: "src/runtime/checkpointer.ts",
        find: "outbox.flushed(taken.mark)",
        replace: "Promise.resolve()",
      },
    ],
  },
  {
    name: "skip the fence",
    breaks: "T5: a lost generation is not noticed, and commits go out under whatever generation is current",
    edits: [
      {
        file: "src/runtime/ownership.ts",
        find: "if (!this.#revoked && this.#group.generation() !== this.assignment.generation) this.#revoked = true;\n    return this.#revoked;",
        replace: "return false;",
      },
      {
        file: "src/adapters/memory/group.ts",
        find: "const { member, generation } = assignment;",
        replace: "void assignment;\n    const [member, generation] = [this.#member, this.#ownedSince];",
      },
    ],
  },
  {
    name: "ignore the lease",
    breaks: "T5: an owner back from a long pause acts before it has asked whether it still is one",
    edits: [
      {
        file: "src/runtime/ownership.ts",
        find: " && this.#clock.monotonic() - this.#group.lastHeartbeatAt() < this.#leaseMs",
        replace: "",
      },
    ],
  },
];
