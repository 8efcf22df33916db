// What several accounts do together in a chaos run: each member plays a script of its own, and they share a
// device, a network or a destination. `says` and `isLinked` are what their author meant; the oracle judges by
// the topics alone.

import type { Random } from "../../src/testing/exchange/random.ts";
import { drawScript, playPlan } from "./scripts.ts";
import type { Plan, Script, Told } from "./scripts.ts";

export interface Member {
  readonly script: Script;
  /** Whether it must be told that it shares something with others, its last step included. */
  readonly isLinked: boolean;
}

type MemberPlan = Omit<Plan, "name"> & { readonly isLinked: boolean };

/** What this play's members share, and nobody else. */
interface Shared {
  readonly text: string;
  readonly number: number;
}

const STARTED = "chaos_started";
const STORIES_AMONG_SCRIPTS = 0.05;

const FIRST_STEP: Told = ["EMAIL_FLOOD_REPORTED"];
const device = (deviceId: string, by = "SMS"): Told => ["LOGIN_SUCCEEDED", { deviceId, verifiedWith: [by] }];
const network = (asn: number, by = "SMS"): Told => ["LOGIN_SUCCEEDED", { asn, verifiedWith: [by] }];
const destination = (address: string, by = "SMS"): Told => ["ADDRESS_ADDED", { address, verifiedWith: [by] }];

const held = (...told: Told[]): MemberPlan => ({ says: STARTED, told, isLinked: true });
const linked = (...told: Told[]): MemberPlan => ({ says: null, told, isLinked: true });
const honest = (...told: Told[]): MemberPlan => ({ says: null, told, isLinked: false });

const STORIES: Readonly<Record<string, (shared: Shared) => readonly MemberPlan[]>> = {
  "one device": ({ text }) => [
    held(device(text), FIRST_STEP),
    held(FIRST_STEP, device(text)),
    { ...held(FIRST_STEP, device(text)), shuffled: true },
    linked(device(text)),
    honest(device(`${text}'s neighbour`), FIRST_STEP),
  ],
  "one device, and one more later": ({ text }) => [
    held(device(text), FIRST_STEP),
    linked(device(text)),
    { says: null, told: [FIRST_STEP], later: [device(text), STARTED], isLinked: true },
    { says: null, told: [device(text)], later: [FIRST_STEP, STARTED], isLinked: true },
  ],
  "one destination": ({ text }) => [
    held(destination(text), FIRST_STEP),
    held(FIRST_STEP, destination(text)),
    linked(destination(text)),
    honest(destination(text, "TOTP"), FIRST_STEP),
  ],
  "one network, and customers of the same carrier": ({ number }) => [
    held(network(number), FIRST_STEP),
    held(FIRST_STEP, network(number)),
    linked(network(number)),
    linked(network(number), network(number)),
    linked(network(number)),
    honest(network(number, "TOTP"), FIRST_STEP),
    honest(network(number, "TOTP")),
  ],
  "too few of a network": ({ number }) => [
    honest(network(number), FIRST_STEP),
    honest(FIRST_STEP, network(number)),
    honest(network(number), network(number), FIRST_STEP),
    honest(network(number)),
  ],
};

export const STORY_NAMES: readonly string[] = Object.keys(STORIES);

/** One play of the story of that name. */
export function playStory(random: Random, name: string): Member[] {
  const story = STORIES[name];
  if (story === undefined) throw new RangeError(`no story is called ${name}`);
  const shared = { text: `s${random.hex(8)}`, number: random.integer(4_200_000_000, 4_294_967_294) };
  return story(shared).map(({ isLinked, ...plan }, index) => {
    // They happen as they are appended: what the members share must not lie about who came first.
    const script = playPlan(random, { ...plan, name: `${name}, ${index}` });
    return { script: { ...script, timed: true }, isLinked };
  });
}

/** What new accounts play next: a script for one, or a story for several. None of those named. */
export function drawScripts(random: Random, { without }: { readonly without: readonly string[] }): readonly Script[] {
  const stories = STORY_NAMES.filter((name) => !without.includes(name));
  if (stories.length === 0 || !random.chance(STORIES_AMONG_SCRIPTS)) return [drawScript(random, { without })];
  return playStory(random, random.pick(stories)).map(({ script }) => script);
}
