/** Limits of the wait between two attempts to connect, in milliseconds. */
export interface BackOffLimits {
  first?: number;
  longest?: number;
}

/** Waits that double from `first` to `longest`, each shortened by up to a quarter at random. */
export class BackOff {
  failures = 0;

  constructor(private readonly limits: BackOffLimits = {}, private readonly random: () => number = Math.random) {}

  /** Return the next wait in milliseconds. */
  next(): number {
    const { first = 250, longest = 15_000 } = this.limits;
    const wait = Math.min(longest, first * 2 ** Math.min(this.failures, 20));
    this.failures += 1;
    return Math.round(wait * (1 - this.random() / 4));
  }

  /** Begin anew after a success. */
  reset(): void {
    this.failures = 0;
  }
}
