// How often a fault shows, and how many runs without it say that it is not there.

export interface Tries {
  readonly bad: number;
  readonly of: number;
}

/**
 * The rate that the true one is below with probability `error` at most: Clopper and Pearson's lower limit. It holds for a
 * given number of tries, for tries until a given number were bad, and for whichever of the two comes first: more
 * extreme than what was seen are the same outcomes each time.
 */
export function lowestRate({ bad, of }: Tries, error: number): number {
  if (bad === 0) return 0;
  let [low, high] = [0, 1];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (atLeast(bad, of, middle) < error) low = middle;
    else high = middle;
  }
  return low;
}

/** Probability of as many bad tries or fewer. */
export const atMost = ({ bad, of }: Tries, rate: number): number =>
  rate >= 1 ? (bad >= of ? 1 : 0) : 1 - atLeast(bad + 1, of, rate);

/** Probability of `bad` or more of `of` tries. */
function atLeast(bad: number, of: number, rate: number): number {
  let sum = 0;
  let logChoose = 0;
  for (let count = of; count >= bad; count--) {
    sum += Math.exp(logChoose + count * Math.log(rate) + (of - count) * Math.log1p(-rate));
    logChoose += Math.log(count) - Math.log(of - count + 1);
  }
  return sum;
}

/** How many runs a fault of this rate passes unseen with probability `error` at most; Infinity for one that never shows. */
export function runsFor(error: number, rate: number): number {
  if (rate >= 1) return 1;
  if (rate <= 0) return Infinity;
  return Math.max(1, Math.ceil(Math.log(error) / Math.log1p(-rate) - 1e-9));
}

/** Probability that a fault of this rate stays unseen in so many runs. */
export const unseen = (runs: number, rate: number): number => (1 - rate) ** runs;
