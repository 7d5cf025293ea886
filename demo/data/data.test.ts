import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  accounts,
  customers,
  expectedFlaws,
  isIban,
  ratings,
  ratingsFile,
  sourceSize,
  sourceTables,
  transactionFiles,
  transactions,
  webEventRecords,
  webEvents,
} from './index.ts';

const SCALE = 0.0237; // sizes that are no multiple of a block
const options = { scale: SCALE, seed: 'halden' };

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}:\d{2}(?:\.\d+Z)?)?$/.exec(
    text.replace(/^(\d{2})\.(\d{2})\.(\d{4})(?=$| )/, '$3-$2-$1'),
  );
  if (match === null) return false;
  const date = new Date(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(match[3]);
}

interface Rules<Row> {
  readonly key: (row: Row) => string | null;
  readonly eventTime: (row: Row) => string;
  /** The first rule that fails rejects. */
  readonly rejects: Readonly<Record<string, (row: Row) => boolean>>;
}

/** A plain cleaning, independent of the generator's plan: rules first, then one row per key. */
function clean<Row>(rows: Iterable<Row>, rules: Rules<Row>) {
  const rejected: Record<string, number> = {};
  const kept = new Map<string, Row>();
  let total = 0;
  let exact = 0;
  let corrected = 0;
  for (const row of rows) {
    total++;
    const failed = Object.entries(rules.rejects).filter(([, fails]) => fails(row));
    expect(failed.length).toBeLessThanOrEqual(1);
    if (failed.length === 1) {
      rejected[failed[0]![0]] = (rejected[failed[0]![0]] ?? 0) + 1;
      continue;
    }
    const key = rules.key(row)!;
    const before = kept.get(key);
    if (before === undefined) kept.set(key, row);
    else if (rules.eventTime(before) === rules.eventTime(row)) exact++;
    else {
      corrected++;
      if (rules.eventTime(row) > rules.eventTime(before)) kept.set(key, row);
    }
  }
  return { kept, counts: { rows: total, committed: kept.size, rejected, duplicates: exact + corrected } };
}

function expected(source: keyof ReturnType<typeof expectedFlaws>) {
  const { rows, committed, rejected, duplicates } = expectedFlaws(SCALE)[source];
  return { rows, committed, rejected, duplicates: duplicates.exact + duplicates.corrected };
}

describe('source data', () => {
  it('holds exactly the flaws it says, found by an independent cleaning of all five sources', () => {
    const people = clean(customers(options), {
      key: (row) => row.customer_id,
      eventTime: (row) => row.updated_at,
      rejects: {
        missing_key: (row) => row.customer_id === null,
        bad_date: (row) => !isDate(row.birth_date),
        invalid_iban: (row) => !isIban(row.iban),
      },
    });
    expect(people.counts).toEqual(expected('customers'));

    const held = clean(accounts(options), {
      key: (row) => row.account_id,
      eventTime: (row) => row.updated_at,
      rejects: {
        missing_key: (row) => row.account_id === null,
        bad_date: (row) => !isDate(row.opened_on),
        unknown_reference: (row) => !people.kept.has(row.customer_id),
      },
    });
    expect(held.counts).toEqual(expected('accounts'));

    const booked = clean(transactions(options), {
      key: (row) => row.transaction_id,
      eventTime: (row) => row.recorded_at,
      rejects: {
        missing_key: (row) => row.transaction_id === null,
        bad_date: (row) => !isDate(row.booked_at),
        invalid_iban: (row) => row.counterparty_iban !== null && !isIban(row.counterparty_iban),
        unknown_reference: (row) => !held.kept.has(row.account_id),
      },
    });
    expect(booked.counts).toEqual(expected('transactions'));

    const seen = clean(webEvents(options), {
      key: (row) => row.event_id,
      eventTime: (row) => row.event_time,
      rejects: {
        missing_key: (row) => row.event_id === null,
        bad_date: (row) => !isDate(row.event_time),
        unknown_reference: (row) => row.customer_id !== null && !people.kept.has(row.customer_id),
      },
    });
    expect(seen.counts).toEqual(expected('web_events'));

    const rated = clean(ratings(options), {
      key: (row) => row.customer_ref?.trim().toUpperCase() ?? null,
      eventTime: (row) => row.rated_on,
      rejects: {
        missing_key: (row) => row.customer_ref === null,
        bad_date: (row) => !isDate(row.rated_on),
        out_of_range: (row) => row.score < 300 || row.score > 850,
        unknown_reference: (row) =>
          row.customer_ref !== null && !people.kept.has(row.customer_ref.trim().toUpperCase()),
      },
    });
    expect(rated.counts).toEqual(expected('ratings'));
  });

  it('accounts for every row: rows = committed + rejected + duplicates, at any scale', () => {
    for (const scale of [0.0001, 0.01, 0.333, 1, 3]) {
      for (const counts of Object.values(expectedFlaws(scale))) {
        const rejected = Object.values(counts.rejected).reduce((sum, count) => sum + count, 0);
        expect(counts.committed + rejected + counts.duplicates.exact + counts.duplicates.corrected).toBe(counts.rows);
      }
    }
    expect(expectedFlaws(1).transactions.rows).toBe(1_000_000);
  });

  it('gives the same bytes for the same seed and others for another', () => {
    const digest = (seed: string) => {
      const hash = createHash('sha256');
      const made = { scale: 0.002, seed };
      for (const table of sourceTables(made)) for (const chunk of table.copyChunks()) hash.update(chunk);
      for (const file of transactionFiles(made)) for (const chunk of file.chunks()) hash.update(chunk);
      for (const record of webEventRecords(made)) hash.update(record);
      for (const chunk of ratingsFile(made).chunks()) hash.update(chunk);
      return hash.digest('hex');
    };
    expect(digest('halden')).toBe(digest('halden'));
    expect(digest('other')).not.toBe(digest('halden'));
  });

  it('spreads the transactions over thirty dated files that hold every row once', () => {
    const files = [...transactionFiles(options)];
    expect(files).toHaveLength(30);
    expect(files[0]!.key).toBe('transactions/dt=2025-06-01/part-0.csv');
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(sourceSize('transactions', SCALE));
    const lines = Buffer.concat([...files[3]!.chunks()])
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(files[3]!.rows + 1);
    expect(lines.filter((line) => line.includes(',2025-06-04 ')).length).toBeGreaterThan(files[3]!.rows * 0.9);
  });

  it('writes the ratings as one JSON array or as JSON lines', () => {
    const text = (layout: 'array' | 'lines') =>
      Buffer.concat([...ratingsFile({ ...options, layout }).chunks()]).toString();
    const array = JSON.parse(text('array')) as unknown[];
    expect(array).toEqual([...ratings(options)]);
    expect(
      text('lines')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(array);
  });
});
