// What benches take on the command line: one table of what each option means, of which a bench names those it has
// with its defaults.

import { Command } from "commander";
import { atLeastOne } from "../dev/options.ts";

const MEANINGS = {
  accounts: "simulated customers",
  events: "of all topics together",
  kills: "times that a process is killed",
  linger: "milliseconds between appends of the producers",
  partitions: "of each topic",
  profile: "a CPU profile of the process goes there",
  rate: "events a second",
  rules: "the rules it runs",
  seconds: "measured, after those to warm up",
  sessionTimeout: "of the group, in milliseconds",
  takeovers: "among the customers, hidden",
} as const;

type Defaults = { readonly [K in keyof typeof MEANINGS]?: number | string };
type Given<D> = { readonly [K in keyof D]: D[K] extends number ? number : string };

/**
 * @param defaults of whole numbers from 1, or of directories: "" is none
 * @returns as given; what is not understood ends the process with what is wrong
 */
export function readOptions<D extends Defaults>(name: string, description: string, defaults: D): Given<D> {
  const command = new Command(name).description(description);
  for (const [option, byDefault] of Object.entries(defaults)) {
    const meaning = MEANINGS[option as keyof typeof MEANINGS];
    const flag = option.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
    if (typeof byDefault === "number") command.option(`--${flag} <number>`, meaning, atLeastOne, byDefault);
    else command.option(`--${flag} <directory>`, meaning, byDefault);
  }
  return command.parse().opts<Given<D>>();
}
