// Preloaded into a child of the simulator or of a chaos run (`node --import`): applies the edits of the mutant named in the
// environment to the sources as they are loaded.

import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mutated, MUTANT_VARIABLE, MUTANTS } from "./mutants.ts";

const root = join(import.meta.dirname, "..", "..");
const name = process.env[MUTANT_VARIABLE];
// What follows may be a whole Holdfast, which refuses variables that it does not know.
delete process.env[MUTANT_VARIABLE];
const mutant = MUTANTS.find((each) => each.name === name);
if (mutant === undefined) throw new Error(`there is no mutant ${name}`);
const urls = new Map(mutant.edits.map(({ file }) => [pathToFileURL(join(root, file)).href, file]));

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const file = urls.get(url);
    if (file === undefined) return loaded;
    return { ...loaded, source: mutated(mutant, file, Buffer.from(loaded.source as Uint8Array).toString()) };
  },
});
