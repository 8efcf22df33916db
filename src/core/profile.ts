// What an account's past says about the event at hand. (Contract; the core's author fills this file.)

/**
 * The facts rules read under `profile.`; null until known. One object is reused for every event of a
 * partition: read it during the call, never keep it.
 */
export interface ProfileFacts {
  newDevice: boolean | null;
  newCountry: boolean | null;
  newAsn: boolean | null;
  newAddress: boolean | null;
  strongestFactor: number | null;
  presentedStrength: number | null;
  verifiedBelowStrongest: boolean | null;
  weakerThanBefore: boolean | null;
  secondsSinceNewDevice: number | null;
  secondsSinceFactorChange: number | null;
  secondsSinceCredentialChange: number | null;
  secondsSinceContactChange: number | null;
  secondsSinceRiskNotice: number | null;
  secondsSinceApiKey: number | null;
  accountAgeSeconds: number | null;
}
