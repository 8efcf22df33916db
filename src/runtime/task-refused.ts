// A task cannot start, and no retry will help: the process ends with a message that says what, where and
// what to do. Who finds the reason says it.

export class TaskRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TaskRefused";
  }
}
