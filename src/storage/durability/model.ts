/**
 * The chance to lose something within a year, for one copy on one disk. It is a model: it knows nothing of fires, thieves,
 * mistakes and this disk, and it says what it was reckoned from.
 *
 * P = 1 − (1 − f) · e^(−8·B·r / u): the disk does not fail (f: share of disks that fail in a year), and of the B bytes that
 * are read r times a year no bit turns out to be unreadable (one in u bits read).
 */
import type { LossModel } from './contract-types.ts';

/** One unreadable bit in 10^15 read: what makers state for disks of servers. */
const BITS_PER_UNREADABLE = 1e15;
/** A round of the scrub begins every week. */
const FULL_READS_PER_YEAR = 365 / 7;

/** **Units**: bytes; failures as a share between 0 and 1. */
export function modelSingleCopy(bytes: number, diskFailuresPerYear: number): LossModel {
  const unreadable = (8 * bytes * FULL_READS_PER_YEAR) / BITS_PER_UNREADABLE;
  return {
    yearlyLoss: 1 - (1 - diskFailuresPerYear) * Math.exp(-unreadable),
    inputs: {
      diskFailuresPerYear,
      bitsPerUnreadable: BITS_PER_UNREADABLE,
      bytes,
      fullReadsPerYear: FULL_READS_PER_YEAR,
    },
  };
}
