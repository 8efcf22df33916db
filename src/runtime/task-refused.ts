// A task cannot start, and no retry will help: the process ends with a message that says what, where and
// what to do. Who finds the reason says it.

export class TaskRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TaskRefused";
  }
}

/** What to do where records of a topic are gone that should have been read. */
export function forgetRemedy(topic: string): string {
  return (
    `Nothing is skipped in silence: when it is understood what was lost, stop all instances and let go of the ` +
    `position by \`holdfast recover --forget ${topic} --apply\`.`
  );
}
