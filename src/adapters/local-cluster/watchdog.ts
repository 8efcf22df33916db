// Ends what this process started, however this process ends: also after kill -9, when no handler runs.
// A shell in a session of its own reads process ids from a pipe that only we hold; at end of file it
// kills the last list it was told and removes the directory. Pid files cannot do this: they need a next
// start, and an id in a file may by then be another's.

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";

export interface Watchdog {
  add(pid: number): void;
  remove(pid: number): void;
  /** Kills what is left, removes the directory, and waits until that is done. */
  end(): Promise<void>;
}

const script = `
pids=
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
rm -rf -- "$1"
`;

/** Guards `directory`, which must be ours alone. Does not keep this process running. */
export function startWatchdog(directory: string): Watchdog {
  const shell = spawn("/bin/sh", ["-c", script, "holdfast-watchdog", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.unref();
  const pipe = shell.stdin as Socket;
  pipe.unref();
  const pids = new Set<number>();
  const tell = (): void => {
    pipe.write(`${[...pids].join(" ")}\n`);
  };
  return {
    add(pid) {
      pids.add(pid);
      tell();
    },
    remove(pid) {
      pids.delete(pid);
      tell();
    },
    async end() {
      if (shell.exitCode !== null || shell.signalCode !== null) return;
      const exited = once(shell, "exit");
      shell.ref();
      pipe.end();
      await exited;
    },
  };
}
