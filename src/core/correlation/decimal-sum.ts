// What a sum of doubles would be had its terms been the decimal numbers they were written as: 0.7 and 0.1 are 0.8,
// which `gte: 0.8` means, and not the 0.7999999999999999 that they add up to, or something else in another order.

/** The error of a few hundred terms is below one in 10^13; fewer digits than that are told apart. */
const DIGITS = 12;

/** @param sum of at most some hundred terms; a whole number is exact and stays as it is */
export function decimalSum(sum: number): number {
  return Number.isInteger(sum) || !Number.isFinite(sum) ? sum : Number(sum.toPrecision(DIGITS));
}
