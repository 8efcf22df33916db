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

/** What of the edits does not fit the sources; null: all do. */
export function misfit(mutant: Mutant, read: (file: string) => string): string | null {
  try {
    for (const { file } of mutant.edits) mutated(mutant, file, read(file));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

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
  {
    name: "forget the lineage",
    breaks: "R1: whatever anybody appended to the state log counts",
    edits: [
      {
        file: "src/runtime/restore.ts",
        find: "if (!owners.some(([writer]) => writer === record.writer)) return;",
        replace: "",
      },
      {
        file: "src/runtime/restore.ts",
        find: "if (owners.length === 0) return;",
        replace: "",
      },
    ],
  },
  {
    name: "drop a state block",
    breaks: "T2: the last block of a checkpoint is not appended",
    edits: [
      {
        file: "src/runtime/checkpointer.ts",
        find: "const base = await this.#send(records);",
        replace: "const base = await this.#send(records.slice(0, -1));",
      },
    ],
  },
  {
    name: "lose a tombstone",
    breaks: "T6: that a group was removed is not written",
    edits: [
      {
        file: "src/runtime/ledger.ts",
        find: "this.#carried = changed;",
        replace:
          "changed.splice(0, changed.length, ...changed.filter(({ state }) => state !== null));\n    this.#carried = changed;",
      },
    ],
  },
  {
    name: "one send for several partitions",
    breaks: "a send resolves although its partition was lost, as the client's do when they carry several",
    edits: [
      {
        file: "src/adapters/memory/process.ts",
        find: "const sent = (tails.get(channel) ?? Promise.resolve()).then(send, send);",
        replace:
          "const sent = (tails.get(channel) ?? Promise.resolve()).then(send, send).catch(() => this.broker.log({ topic, partition }).end());",
      },
    ],
  },
  {
    name: "do not adopt commands already said",
    breaks: "T3: what was said above the checkpoint is decided again",
    edits: [
      {
        file: "src/runtime/opening.ts",
        find: "options.partition.adopt(",
        replace: "if (said.length < 0) options.partition.adopt(",
      },
    ],
  },
  {
    name: "seek to the committed offset without skipping",
    breaks: "T4: memory that is kept is given records again that it has had",
    edits: [{ file: "src/runtime/opening.ts", find: "{ ...positions, ...standing?.positions }", replace: "positions" }],
  },
  {
    name: "lose the outbox at a rebalance",
    breaks: "T4: memory is kept, and with it forgotten what it had decided and not said",
    edits: [{ file: "src/runtime/task.ts", find: "memory.standing?.unsent ?? []", replace: "[] as Unsent[]" }],
  },
  {
    name: "keep memory that is out of date",
    breaks: "OP1: whoever had the task before goes on as if nobody else had",
    edits: [
      {
        file: "src/runtime/opening.ts",
        find: ": ledger !== null && ledger.recognises(committed);",
        replace: ": ledger !== null && (ledger.recognises(committed) || true);",
      },
    ],
  },
  {
    name: "take an unknown outcome for a commit",
    breaks: "T5: a commit without an answer is not looked up",
    edits: [
      {
        file: "src/runtime/commit.ts",
        find: "    if (isUnknown) {",
        replace: "    if (isUnknown) return;\n    if (isUnknown) {",
      },
    ],
  },
  {
    name: "positions taken after the blocks",
    breaks: "K1: a checkpoint's positions are ahead of its groups",
    edits: [
      {
        file: "src/runtime/checkpointer.ts",
        find: "...last.positions, ...taken.positions,",
        replace: "...last.positions, ...this.#options.intake.positions(),",
      },
    ],
  },
  {
    name: "forget what was taken for a failed checkpoint",
    breaks: "LG1: memory that is kept does not write again what a lost checkpoint took",
    edits: [
      {
        file: "src/runtime/ledger.ts",
        find: "merged(this.#carried, partition.takeChanged()); // LG1",
        replace: "merged([], partition.takeChanged());",
      },
    ],
  },
  {
    name: "delete what the committed checkpoint needs",
    breaks: "T6, LG3: the log is deleted up to the head of the last checkpoint",
    edits: [
      {
        file: "src/runtime/ledger.ts",
        find: "this.#deletableBelow = this.#last.base; // LG3",
        replace: "this.#deletableBelow = checkpoint.head;",
      },
    ],
  },
  {
    name: "move the base past a group",
    breaks: "T6, L1: the base goes to the latest checkpoint, whatever lies below it",
    edits: [
      {
        file: "src/runtime/places.ts",
        find: "const base = Math.min(oldest?.offset ?? latest, latest);",
        replace: "void oldest;\n    const base = latest;",
      },
    ],
  },
  {
    name: "overlook a tombstone",
    breaks: "T6: a restore keeps a group that a later block says was removed",
    edits: [
      {
        file: "src/runtime/restore.ts",
        find: "for (const { group, state } of groups) this.#takeGroup(group, state);",
        replace: "for (const { group, state } of groups) if (state !== null) this.#takeGroup(group, state);",
      },
    ],
  },
  {
    name: "let a repeated block bring back old state",
    breaks: "R2: a block that arrives a second time, late, counts",
    edits: [{ file: "src/runtime/restore.ts", find: "if (record.n < this.#n) return;", replace: "" }],
  },
  {
    name: "let an account rest that waits for time",
    breaks: "AT3: what a restored account waits for is decided when it is next heard of, if ever",
    edits: [
      {
        file: "src/adapters/state-codec.ts",
        find: "memories.length + cases.length === 0 ?",
        replace: "cases.length === 0 ?",
      },
    ],
  },
  {
    name: "start anew with changed rules",
    breaks: "L8, AC2: a reload drops the partial matches of all rules, changed or not",
    edits: [
      {
        file: "src/core/partition.ts",
        find: "const dropped = account.dropChanged(this.#table);",
        replace: "const dropped = account.memories.splice(0).length;",
      },
    ],
  },
  {
    name: "decide an absence without having read every topic",
    breaks: "L3: what waits for the clock is decided by it although a topic has records nobody has read",
    edits: [{ file: "src/core/frontier.ts", find: "return this.#idle.every(Boolean);", replace: "return true;" }],
  },
  {
    name: "take what was read to its end for read to its end now",
    breaks: "L3: a topic that has got records since counts as idle until one of them is read",
    edits: [
      {
        file: "src/runtime/task.ts",
        find: "if ((idle || isUnread) && !running.quarantine.holds(topic)) this.#setIdle(topic, idle);",
        replace: "void isUnread;\n    if (idle) this.#setIdle(topic, idle);",
      },
    ],
  },
  {
    name: "repeat a command twice",
    breaks: "AK1: what nobody acknowledged is said a third time",
    edits: [
      {
        file: "src/core/acknowledgement.ts",
        find: "    this.#repeat(account, command);",
        replace: "    this.#repeat(account, command);\n    this.#repeat(account, command);",
      },
    ],
  },
  {
    name: "wait for no answer after a restore",
    breaks: "AK1: what the owner before said and nobody acknowledged is not said again",
    edits: [
      {
        file: "src/core/responder.ts",
        find: "    this.#acknowledgements?.watch(account);",
        replace: "    void account;",
      },
    ],
  },
  {
    name: "forget the breaker at a restart",
    breaks: "BR1: what a rule froze before a restore does not count",
    edits: [
      {
        file: "src/core/responder.ts",
        find: "    this.#breakers?.load(breakers, breakerWords);",
        replace: "    this.#breakers?.load([], breakerWords);\n    void breakers;",
      },
    ],
  },
  {
    name: "forget what dead owners froze",
    breaks: "BR1: a command found in the log is in force, but does not count for the breaker",
    edits: [
      {
        file: "src/core/responder.ts",
        find: "if (isFirst) this.#adoptProtection(account, command);",
        replace: "",
      },
    ],
  },
  {
    name: "forget a person's word about a breaker",
    breaks: "BR4: what a person has closed opens again, and stays open, when its events are read after the word",
    edits: [
      {
        file: "src/core/breaker.ts",
        find: "} else if (open === undefined) word.waits = true;",
        replace: "} else if (open === undefined) this.#words = [];",
      },
    ],
  },
  {
    name: "lose facts at a restart",
    breaks: "a restored group knows nothing of what accounts told it before",
    edits: [
      {
        file: "src/core/links.ts",
        find: "    if (state === null) return;",
        replace: "    if (state !== null) return;\n    if (state === null) return;",
      },
    ],
  },
  {
    name: "treat an unknown schema as poison",
    breaks: "W2: the first time that the registry does not know an id, its record is rejected",
    edits: [
      {
        file: "src/adapters/writer-schemas.ts",
        find: "(!isFresh && now - deniedSince >= this.#patience(now))",
        replace: "true",
      },
    ],
  },
  {
    name: "take silence of the registry for a denial",
    breaks: "W2, D3: a record whose schema nobody can be asked for is rejected",
    edits: [
      {
        file: "src/adapters/writer-schemas.ts",
        find: "        deniedSince = Infinity; // W2",
        replace: "        return this.#giveUp(id, { now: this.#clock.monotonic(), waitedMs: 0 });",
      },
    ],
  },
];
