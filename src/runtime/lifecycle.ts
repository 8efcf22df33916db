// The life of a task on one owner, as a total table: the compiler counts the cells, the test loops over
// them. Whatever is not a step forward ends the task; a discarded task starts again as a new one.
//
//   opening ─► restoring ─► adopting ─► running ─► closing ─► closed
//      └───────────┴────────────┴──────────┴────────► closed (lost: discarded)

export type TaskState = "opening" | "restoring" | "adopting" | "running" | "closing" | "closed";
export type TaskEvent = "found" | "restored" | "adopted" | "drain" | "lost";

/** null: the event cannot happen in this state; meeting it is a bug. */
export const TASK_TRANSITIONS: Readonly<Record<TaskState, Readonly<Record<TaskEvent, TaskState | null>>>> = {
  opening: { found: "restoring", restored: null, adopted: null, drain: "closed", lost: "closed" },
  restoring: { found: null, restored: "adopting", adopted: null, drain: "closed", lost: "closed" },
  adopting: { found: null, restored: null, adopted: "running", drain: "closed", lost: "closed" },
  running: { found: null, restored: null, adopted: null, drain: "closing", lost: "closed" },
  closing: { found: null, restored: null, adopted: null, drain: "closing", lost: "closed" },
  closed: { found: null, restored: null, adopted: null, drain: "closed", lost: "closed" },
};

/** @throws Error for a transition the table does not have: a programmer's mistake */
export function nextTaskState(state: TaskState, event: TaskEvent): TaskState {
  const next = TASK_TRANSITIONS[state][event];
  if (next === null) throw new Error(`task cannot be "${event}" while ${state}`);
  return next;
}
