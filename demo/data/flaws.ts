/**
 * Which row has which flaw, and how many there are.
 *
 * Invariants
 * - Every block of 250 rows holds the same number of each flaw, at places that a seeded shuffle chose: the counts of a
 *   size are known without generating a row.
 * - A row has at most one flaw. Only sound rows are duplicated or referred to, so no count depends on the order in
 *   which sources are cleaned.
 */
import { RowRandom } from './prng.ts';

export type SourceName = 'customers' | 'accounts' | 'transactions' | 'web_events' | 'ratings';

/** What is wrong with a row; `none` is a sound one. */
export type Flaw =
  | 'none'
  | 'missing_key'
  | 'bad_date'
  | 'invalid_iban'
  | 'unknown_reference'
  | 'out_of_range'
  | 'duplicate_exact'
  | 'duplicate_corrected'
  | 'mixed_case'
  | 'other_date_format';

/** What cleaning does about a flaw. */
export type Treatment = 'reject' | 'drop_duplicate' | 'repair';

export const TREATMENTS: Readonly<Record<Exclude<Flaw, 'none'>, Treatment>> = {
  missing_key: 'reject',
  bad_date: 'reject',
  invalid_iban: 'reject',
  unknown_reference: 'reject',
  out_of_range: 'reject',
  duplicate_exact: 'drop_duplicate',
  duplicate_corrected: 'drop_duplicate',
  mixed_case: 'repair',
  other_date_format: 'repair',
};

const BLOCK = 250;

/** Rows of each flaw in a block of 250. */
const PER_BLOCK: Readonly<Record<SourceName, Partial<Record<Exclude<Flaw, 'none'>, number>>>> = {
  customers: {
    missing_key: 1,
    bad_date: 2,
    invalid_iban: 2,
    duplicate_exact: 2,
    duplicate_corrected: 3,
    mixed_case: 20,
    other_date_format: 5,
  },
  accounts: {
    missing_key: 1,
    bad_date: 1,
    unknown_reference: 2,
    duplicate_exact: 1,
    duplicate_corrected: 2,
    mixed_case: 10,
  },
  transactions: {
    missing_key: 1,
    bad_date: 1,
    invalid_iban: 1,
    unknown_reference: 1,
    duplicate_exact: 2,
    duplicate_corrected: 1,
    mixed_case: 8,
    other_date_format: 3,
  },
  web_events: { missing_key: 1, bad_date: 1, unknown_reference: 1, duplicate_exact: 4, mixed_case: 6 },
  ratings: {
    missing_key: 1,
    bad_date: 2,
    unknown_reference: 2,
    out_of_range: 2,
    duplicate_exact: 1,
    duplicate_corrected: 4,
    mixed_case: 8,
  },
};

/** Rows at scale 1. */
export const BASE_SIZES: Readonly<Record<SourceName, number>> = {
  customers: 50_000,
  accounts: 80_000,
  transactions: 1_000_000,
  web_events: 200_000,
  ratings: 30_000,
};

/** Rows of a source at `scale`, at least one. */
export function sourceSize(source: SourceName, scale: number): number {
  if (!(scale > 0)) throw new RangeError(`The scale must be above 0, and is ${scale}.`);
  return Math.max(1, Math.round(BASE_SIZES[source] * scale));
}

/** The flaws of one source by row, and its sound rows by rank. */
export class FlawPlan {
  readonly source: SourceName;
  readonly rows: number;
  readonly #block: readonly Flaw[];
  readonly #sound: readonly number[];

  constructor(source: SourceName, rows: number) {
    this.source = source;
    this.rows = rows;
    this.#block = blockOf(source);
    this.#sound = this.#block.flatMap((flaw, place) => (isSound(flaw) ? [place] : []));
  }

  at(row: number): Flaw {
    return this.#block[row % BLOCK]!;
  }

  count(flaw: Flaw): number {
    const inBlock = (length: number) => this.#block.slice(0, length).filter((each) => each === flaw).length;
    return Math.floor(this.rows / BLOCK) * inBlock(BLOCK) + inBlock(this.rows % BLOCK);
  }

  /** How many rows bring a new sound key. */
  get sound(): number {
    const rest = this.#sound.filter((place) => place < this.rows % BLOCK).length;
    return Math.floor(this.rows / BLOCK) * this.#sound.length + rest;
  }

  /** The row number of the sound row with this rank. */
  soundRow(rank: number): number {
    return Math.floor(rank / this.#sound.length) * BLOCK + this.#sound[rank % this.#sound.length]!;
  }

  /** The nearest sound row at or before `row`. */
  soundAtOrBefore(row: number): number {
    let candidate = Math.max(0, row);
    while (!isSound(this.at(candidate))) candidate--;
    return candidate;
  }
}

function isSound(flaw: Flaw): boolean {
  return flaw === 'none' || TREATMENTS[flaw] === 'repair';
}

function blockOf(source: SourceName): Flaw[] {
  const block: Flaw[] = Object.entries(PER_BLOCK[source]).flatMap(([flaw, count]) =>
    Array.from({ length: count }, () => flaw as Flaw),
  );
  while (block.length < BLOCK) block.push('none');
  const random = new RowRandom('flaws', source).at(0);
  for (let i = BLOCK - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [block[i], block[j]] = [block[j]!, block[i]!];
  }
  // The first row of a block is sound, so that a duplicate always finds an original before it.
  const first = block.indexOf('none');
  [block[0], block[first]] = [block[first]!, block[0]!];
  return block;
}

/** What the cleaning of one source must come to: rows = committed + all of `rejected` + all of `duplicates`. */
export interface ExpectedCounts {
  readonly rows: number;
  readonly committed: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly duplicates: { readonly exact: number; readonly corrected: number };
  /** Rows that are committed after a repair. */
  readonly repaired: Readonly<Record<string, number>>;
}

/** The exact counts of all sources at `scale`, without generating them. */
export function expectedFlaws(scale: number): Readonly<Record<SourceName, ExpectedCounts>> {
  return Object.fromEntries(
    (Object.keys(BASE_SIZES) as SourceName[]).map((source) => [source, expectedOf(source, sourceSize(source, scale))]),
  ) as Record<SourceName, ExpectedCounts>;
}

function expectedOf(source: SourceName, rows: number): ExpectedCounts {
  const plan = new FlawPlan(source, rows);
  const counted = (treatment: Treatment) =>
    Object.fromEntries(
      (Object.keys(PER_BLOCK[source]) as Exclude<Flaw, 'none'>[])
        .filter((flaw) => TREATMENTS[flaw] === treatment)
        .map((flaw) => [flaw, plan.count(flaw)]),
    );
  return {
    rows,
    committed: plan.sound,
    rejected: counted('reject'),
    duplicates: { exact: plan.count('duplicate_exact'), corrected: plan.count('duplicate_corrected') },
    repaired: counted('repair'),
  };
}
