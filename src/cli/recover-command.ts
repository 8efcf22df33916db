// `holdfast recover` on the command line. What it does is recover.ts's.

import type { Command } from "commander";
import { KAFKA_SETTINGS, TOPIC_SETTINGS } from "../config.ts";
import { addCommand } from "./command.ts";

export function addRecover(program: Command, ending: Parameters<typeof addCommand>[2]): void {
  addCommand(
    program,
    {
      name: "recover",
      summary: "Find the last checkpoint of each partition in the state log, when the committed one is gone.",
      settings: [...KAFKA_SETTINGS, "groupId", ...TOPIC_SETTINGS],
      ownFlags: {
        "--apply": "commit what is found; without, nothing is changed",
        "--forget <topic>":
          "let go of the position in a topic that was created anew, cut back or lost records unread: the next start " +
          "goes on at the partition's event time, less the allowed lateness",
      },
      run: async ({ settings, flags }, io) => {
        const forget = flags["forget"] as string | undefined;
        return (await import("./recover.ts")).recover({ ...settings, apply: flags["apply"] === true, forget }, io);
      },
    },
    ending,
  );
}
