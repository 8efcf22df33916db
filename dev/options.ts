// What the scripts for developers take as values of options; commander says what is wrong, where, and what to do.

import { InvalidArgumentError } from "commander";

/** @throws InvalidArgumentError */
export function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return Number(text);
}

/** @throws InvalidArgumentError */
export function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("Give a whole number from 1.");
  return Number(text);
}
