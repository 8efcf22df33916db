// What the accounts of a simulated campaign have in common because it is the gang's.

export const SHARED_THINGS = ["device", "network", "destination"] as const;
export type SharedThing = (typeof SHARED_THINGS)[number];
