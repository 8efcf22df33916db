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
      ownFlags: { "--apply": "commit what is found; without, nothing is changed" },
      run: async ({ settings, flags }, io) =>
        (await import("./recover.ts")).recover({ ...settings, apply: flags["apply"] === true }, io),
    },
    ending,
  );
}
