import { accountId } from './accounts.ts';
import { csvChunks } from './csv.ts';
import { FlawPlan, sourceSize } from './flaws.ts';
import { ibanOf, spoiledIban } from './iban.ts';
import type { SourceFile, SourceOptions } from './options.ts';
import { RowRandom } from './prng.ts';
import { addDays, dateText, dayStart, dottedDate, timeText } from './times.ts';
import { CARD_SHOPS, TRANSFER_TEXTS } from './words.ts';

/** A row of the dated transaction files. A card payment has no counterparty IBAN. */
export interface Transaction {
  readonly transaction_id: string | null;
  readonly account_id: string;
  readonly booked_at: string;
  readonly amount: string;
  readonly currency: string;
  readonly kind: string;
  readonly counterparty_iban: string | null;
  readonly description: string;
  /** When this version of the transaction was written; the latest wins. */
  readonly recorded_at: string;
}

export const TRANSACTION_COLUMNS = [
  'transaction_id',
  'account_id',
  'booked_at',
  'amount',
  'currency',
  'kind',
  'counterparty_iban',
  'description',
  'recorded_at',
] as const satisfies readonly (keyof Transaction)[];

/** The days that the transactions of any scale lie in. */
export const TRANSACTION_DAYS = 30;
const FIRST_DAY = dayStart('2025-06-01');
const ROWS_PER_FILE = 50_000;

interface Plans {
  readonly own: FlawPlan;
  readonly accounts: FlawPlan;
  readonly random: RowRandom;
  readonly perDay: number;
}

function plansOf(options: SourceOptions): Plans {
  const own = new FlawPlan('transactions', sourceSize('transactions', options.scale));
  return {
    own,
    accounts: new FlawPlan('accounts', sourceSize('accounts', options.scale)),
    random: new RowRandom(options.seed, 'transactions'),
    perDay: Math.ceil(own.rows / TRANSACTION_DAYS),
  };
}

/** All transactions, in the order of their files. */
export function* transactions(options: SourceOptions): Generator<Transaction> {
  const plans = plansOf(options);
  yield* rowsBetween(plans, 0, plans.own.rows);
}

/** The files `transactions/dt=yyyy-MM-dd/part-<n>.csv`, each made when its chunks are asked for. */
export function* transactionFiles(options: SourceOptions): Generator<SourceFile> {
  const plans = plansOf(options);
  for (let day = 0; day * plans.perDay < plans.own.rows; day++) {
    const end = Math.min(plans.own.rows, (day + 1) * plans.perDay);
    let part = 0;
    for (let first = day * plans.perDay; first < end; first += ROWS_PER_FILE, part++) {
      const last = Math.min(end, first + ROWS_PER_FILE);
      yield {
        key: `transactions/dt=${dateText(addDays(FIRST_DAY, day))}/part-${part}.csv`,
        rows: last - first,
        chunks: () => csvChunks(TRANSACTION_COLUMNS, rowsBetween(plans, first, last)),
      };
    }
  }
}

function* rowsBetween(plans: Plans, first: number, last: number): Generator<Transaction> {
  for (let row = first; row < last; row++) yield transactionAt(row, plans);
}

function transactionAt(row: number, plans: Plans): Transaction {
  const { own, random } = plans;
  const flaw = own.at(row);
  if (flaw === 'duplicate_exact' || flaw === 'duplicate_corrected') {
    // Looks back over more than a day, so that some duplicates stand in a later file than their original.
    const reach = Math.min(row, Math.ceil(plans.perDay * 1.5));
    const original = transactionAt(own.soundAtOrBefore(row - 1 - random.at(row).below(reach)), plans);
    if (flaw === 'duplicate_exact') return original;
    random.at(row);
    return {
      ...original,
      amount: (Number(original.amount) + 1 + random.below(5_000) / 100).toFixed(2),
      recorded_at: timeText(addDays(Date.parse(`${original.recorded_at.replace(' ', 'T')}Z`), 1 + random.below(5))),
    };
  }
  const sound = soundTransaction(row, plans, flaw === 'invalid_iban');
  switch (flaw) {
    case 'missing_key':
      return { ...sound, transaction_id: null };
    case 'bad_date':
      return { ...sound, booked_at: random.pick(['2025-06-31 10:00:00', '0000-00-00 00:00:00', 'n/a', 'pending']) };
    case 'unknown_reference':
      return { ...sound, account_id: `A9${random.digits(8)}` };
    case 'invalid_iban':
      return { ...sound, counterparty_iban: spoiledIban(sound.counterparty_iban!) };
    case 'mixed_case':
      return { ...sound, kind: ` ${sound.kind.toUpperCase()}`, currency: 'eur' };
    case 'other_date_format':
      return { ...sound, booked_at: dottedDate(sound.booked_at) };
    default:
      return sound;
  }
}

function soundTransaction(row: number, plans: Plans, transferOnly: boolean): Transaction {
  const { random, accounts, perDay } = plans;
  random.at(row);
  const transfer = random.chance(0.4) || transferOnly;
  // Squared: some accounts see many more transactions than others.
  const account = Math.floor(random.fraction() ** 2 * accounts.sound);
  const bookedAt = addDays(FIRST_DAY, Math.floor(row / perDay)) + random.below(86_400) * 1000;
  const amount = transfer ? 2_000 * random.fraction() ** 2 + 1 : 150 * random.fraction() ** 2 + 0.5;
  return {
    transaction_id: `T${String(row + 1).padStart(10, '0')}`,
    account_id: accountId(accounts.soundRow(account)),
    booked_at: timeText(bookedAt),
    amount: (random.chance(0.3) ? amount : -amount).toFixed(2),
    currency: 'EUR',
    kind: transfer ? 'transfer' : 'card',
    counterparty_iban: transfer ? ibanOf(random.digits(18)) : null,
    description: transfer ? random.pick(TRANSFER_TEXTS) : random.pick(CARD_SHOPS),
    recorded_at: timeText(bookedAt + random.below(3_600) * 1000),
  };
}
