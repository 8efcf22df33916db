// A campaign: one gang, many accounts, and one thing that they share because it is the gang's: a device, a
// network, a destination. Each takeover alone is too slow and too quiet for the rules about one account. Beside
// the victims stand the honest customers of a mobile carrier, which is also the gang's network where it shares
// one, and of a shop that takes its payments where the gang does.

import type { ExchangeEvent } from "../../core/event.ts";
import type { Duration, Instant } from "../../core/time.ts";
import { HOUR, MINUTE } from "../../core/time.ts";
import type { Account } from "./account.ts";
import { makeAccount, snapshotOf } from "./account.ts";
import type { Exchange, Told } from "./exchange.ts";
import type { HonestStory } from "./honest.ts";
import { HONEST_STORIES, ROUTINES } from "./honest.ts";
import { addAddress, anyExit, hasAuthenticatorAndSms, logIn, riskNotice, switchToMessage, withdraw } from "./moves.ts";
import { seededRandom } from "./random.ts";
import type { Random } from "./random.ts";
import type { Script } from "./script.ts";
import type { SharedThing } from "./shared-thing.ts";
import type { Posting, Story, Takeover } from "./story.ts";
import { play } from "./story.ts";

export interface CampaignOptions {
  readonly seed: string | number;
  readonly shares: SharedThing;
  readonly victims: number;
  /** The carrier's honest customers. */
  readonly bystanders: number;
  readonly from: Instant;
  /** In which the takeovers begin, one after another. */
  readonly length: Duration;
  readonly lag: Duration;
  readonly review: Duration;
}

export interface Campaign extends Exchange {
  readonly bystanders: readonly Account[];
  /** When the gang takes its third step with an account: the request for money. */
  thirdStepOf(told: Told<Takeover>): Instant;
}

/** Forty accounts in two hours, four hundred customers beside them. */
export const USUAL_CAMPAIGN: Omit<CampaignOptions, "seed" | "shares" | "from"> = {
  victims: 40,
  bystanders: 400,
  length: 2 * HOUR,
  lag: 30_000,
  review: 20 * MINUTE,
};

const THIEF = "stranger";
/** Between two steps: longer than the quarter of an hour that the rules about one account look back. */
const SLOW = [20 * 60, 40 * 60] as const;

const beginning: Script = [logIn(THIEF, [0, 0], ["SMS"])];
const ending: Script = anyExit(THIEF, { after: SLOW, factors: ["SMS"], share: [0.3, 0.9] });

const STEPS: Readonly<Record<SharedThing, Script>> = {
  device: [...beginning, switchToMessage(THIEF, SLOW), ...ending],
  network: [...beginning, switchToMessage(THIEF, SLOW), ...ending],
  destination: [
    ...beginning,
    addAddress(THIEF, SLOW, ["SMS"]),
    withdraw("ON_CHAIN", THIEF, { after: SLOW, factors: ["SMS"], share: [0.3, 0.9] }),
  ],
};

export function storyOf(shares: SharedThing): Takeover {
  return {
    name: `campaign-by-${shares}`,
    title: `one of many accounts taken over slowly; they share the gang's ${shares}`,
    rule: "linked_and_started",
    says: "HOLD",
    suits: hasAuthenticatorAndSms,
    steps: STEPS[shares],
  };
}

/** No customer of the exchange but the bystanders is at home here. */
const CARRIER = { country: "DE", asn: 3209 } as const;

/** What the carrier's customers are seen with beside routine; none of it is a reason to link them. */
const ODDITIES: readonly HonestStory[] = [
  { name: "warned", title: "a warning and nothing else", suits: () => true, mayHold: false, steps: [riskNotice()] },
  ...HONEST_STORIES.filter(({ name }) =>
    ["new-phone", "read-only-key", "forgotten-password", "hardening"].includes(name),
  ),
];

export function makeCampaign(options: CampaignOptions): Campaign {
  const random = seededRandom(`${options.seed} ${options.shares}`);
  const story = storyOf(options.shares);
  const gang = gangOf(options.shares, random.fork("gang"));
  const takeovers = accountsFor(story, options.victims, { random: random.fork("victims"), now: options.from }).map(
    (account, index): Told<Takeover> => {
      const at = options.from + Math.round(((index + random.between(0, 1)) / options.victims) * options.length);
      const postings = play(story, { ...options, account, random: random.fork(`takeover ${index}`), at, pace: 1 });
      return { story, account, postings: postings.map((posting) => gang.own(posting, { account, index })) };
    },
  );
  const bystanders = Array.from({ length: options.bystanders }, (_, index) =>
    bystander(index, { random, now: options.from }),
  );
  const oddities = bystanders.flatMap((account, index): Told<HonestStory>[] => {
    const odd = ODDITIES[index % (2 * ODDITIES.length)];
    return odd === undefined || !odd.suits(account)
      ? []
      : [{ story: odd, account, postings: gang.shop(playSometime(odd, { account, index, random, options })) }];
  });
  const routine = bystanders.flatMap((account, index) => {
    const suited = ROUTINES.filter((each) => each.suits(account));
    const postings = playSometime(random.weighted(suited), { account, index: -index - 1, random, options });
    return gang.shop(postings);
  });
  const accounts = [...takeovers.map(({ account }) => account), ...bystanders];
  const live = [...[...takeovers, ...oddities].flatMap(({ postings }) => postings), ...routine].toSorted(
    (a, b) => a.at - b.at,
  );
  return {
    accounts,
    bystanders,
    takeovers,
    oddities,
    past: () => accounts.map((account) => snapshotPosting(account, options.from - HOUR)),
    *live() {
      yield* live;
    },
    thirdStepOf: ({ postings }) => postings.find(({ event }) => event.type === "WITHDRAWAL_REQUESTED")!.at,
  };
}

interface Place {
  readonly account: Account;
  readonly index: number;
}

interface Gang {
  /** The same posting as the gang does it. */
  own(posting: Posting, by: Place): Posting;
  /** Customers at home pay new destinations, too: where the gang shares one it is a shop's. */
  shop(postings: readonly Posting[]): readonly Posting[];
}

function gangOf(shares: SharedThing, random: Random): Gang {
  const device = `dev-${random.hex(12)}`;
  const address = `0x${random.hex(40)}`;
  const change = (event: ExchangeEvent, { account, index }: Place): ExchangeEvent => {
    const pays = shares === "destination" && event.address != null ? { address } : {};
    const isThief = event.deviceId != null && !account.places.some(({ deviceId }) => deviceId === event.deviceId);
    if (!isThief) return { ...event, ...pays };
    // One network for each account, as rented phones have it, unless it is the network that they share.
    const network = shares === "network" ? CARRIER : { country: "DE", asn: 4_200_000_000 + index };
    return { ...event, ...pays, ...network, ...(shares === "device" && { deviceId: device }) };
  };
  return {
    own: (posting, by) => ({
      ...posting,
      event: change(posting.event, by),
      settles: posting.settles === null ? null : change(posting.settles, by),
    }),
    shop: (postings) => {
      if (shares !== "destination") return postings;
      const pay = (event: ExchangeEvent): ExchangeEvent => (event.address == null ? event : { ...event, address });
      return postings.map((posting) => ({
        ...posting,
        event: pay(posting.event),
        settles: posting.settles === null ? null : pay(posting.settles),
      }));
    },
  };
}

function accountsFor(story: Story, count: number, options: { random: Random; now: Instant }): Account[] {
  const found: Account[] = [];
  for (let index = 0; found.length < count; index++) {
    const account = makeAccount(index, { random: options.random.fork(`account ${index}`), now: options.now });
    if (story.suits(account)) found.push(account);
  }
  return found;
}

function bystander(index: number, { random, now }: { random: Random; now: Instant }): Account {
  const account = makeAccount(index, { random: random.fork(`bystander ${index}`), now });
  return { ...account, id: `carrier-${account.id}`, places: account.places.map((place) => ({ ...place, ...CARRIER })) };
}

function playSometime(
  story: Story,
  of: Place & { readonly random: Random; readonly options: CampaignOptions },
): readonly Posting[] {
  const random = of.random.fork(`${story.name} ${of.index}`);
  const at = of.options.from + Math.round(random.between(0, of.options.length));
  return play(story, { ...of.options, account: of.account, random, at, pace: 1 });
}

function snapshotPosting(account: Account, at: Instant): Posting {
  return { at, service: "auth", event: snapshotOf(account, at), settles: null };
}
