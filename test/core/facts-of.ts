// Every fact of one event at once, as plain data that tests can compare.

import type { ExchangeEvent } from "../../src/core/event.ts";
import { Facts, type ProfileFacts } from "../../src/core/profile-facts.ts";
import type { Profile } from "../../src/core/profile.ts";
import type { Duration } from "../../src/core/time.ts";

const NAMES = Object.entries(Object.getOwnPropertyDescriptors(Facts.prototype))
  .filter(([, { get }]) => get !== undefined)
  .map(([name]) => name as keyof ProfileFacts);

export function factsOf(profile: Profile, event: ExchangeEvent, warmup: Duration): ProfileFacts {
  const facts = new Facts(warmup);
  facts.about(profile, event);
  return Object.fromEntries(NAMES.map((name) => [name, facts[name]])) as unknown as ProfileFacts;
}
