import { customerId } from './customers.ts';
import { FlawPlan, sourceSize } from './flaws.ts';
import type { SourceOptions } from './options.ts';
import { RowRandom } from './prng.ts';
import { addDays, BAD_DATES, dateText, dayStart, timeText } from './times.ts';

/** A row of the table `bank.accounts`. */
export interface Account {
  readonly account_id: string | null;
  readonly customer_id: string;
  readonly product: string;
  readonly balance: string;
  readonly currency: string;
  readonly opened_on: string;
  readonly updated_at: string;
}

export const ACCOUNT_COLUMNS = [
  'account_id',
  'customer_id',
  'product',
  'balance',
  'currency',
  'opened_on',
  'updated_at',
] as const satisfies readonly (keyof Account)[];

const PRODUCTS = ['checking', 'checking', 'checking', 'savings', 'savings', 'money_market', 'certificate_of_deposit'];
const FIRST_OPENING = dayStart('2005-01-01');
const FIRST_UPDATE = dayStart('2025-01-01');

/** The id of the account that row `row` brings. */
export const accountId = (row: number): string => `A${String(row + 1).padStart(9, '0')}`;

/** The rows of `bank.accounts`, in order. Every sound customer has at least one while there are rows for it. */
export function* accounts(options: SourceOptions): Generator<Account> {
  const plan = new FlawPlan('accounts', sourceSize('accounts', options.scale));
  const owners = new FlawPlan('customers', sourceSize('customers', options.scale));
  const random = new RowRandom(options.seed, 'accounts');
  for (let row = 0; row < plan.rows; row++) yield accountAt(row, plan, owners, random);
}

function accountAt(row: number, plan: FlawPlan, owners: FlawPlan, random: RowRandom): Account {
  const flaw = plan.at(row);
  if (flaw === 'duplicate_exact' || flaw === 'duplicate_corrected') {
    const original = accountAt(
      plan.soundAtOrBefore(row - 1 - random.at(row).below(Math.min(row, 100))),
      plan,
      owners,
      random,
    );
    if (flaw === 'duplicate_exact') return original;
    random.at(row);
    return {
      ...original,
      balance: (Number(original.balance) + random.below(100_000) / 100).toFixed(2),
      updated_at: timeText(addDays(Date.parse(`${original.updated_at.replace(' ', 'T')}Z`), 1 + random.below(30))),
    };
  }
  const sound = soundAccount(row, owners, random);
  switch (flaw) {
    case 'missing_key':
      return { ...sound, account_id: null };
    case 'bad_date':
      return { ...sound, opened_on: random.pick(BAD_DATES) };
    case 'unknown_reference':
      return { ...sound, customer_id: `C9${random.digits(7)}` };
    case 'mixed_case':
      return { ...sound, product: `${sound.product.toUpperCase()} `, currency: sound.currency.toLowerCase() };
    default:
      return sound;
  }
}

function soundAccount(row: number, owners: FlawPlan, random: RowRandom): Account {
  random.at(row);
  const owner = row < owners.sound ? row : random.below(owners.sound);
  const product = random.pick(PRODUCTS);
  const wealth = product === 'checking' ? 9_000 : 80_000;
  return {
    account_id: accountId(row),
    customer_id: customerId(owners.soundRow(owner)),
    product,
    balance: (wealth * random.fraction() ** 3 - (product === 'checking' ? 400 : 0)).toFixed(2),
    currency: 'EUR',
    opened_on: dateText(addDays(FIRST_OPENING, random.below(7_300))),
    updated_at: timeText(addDays(FIRST_UPDATE, random.below(120)) + random.below(86_400) * 1000),
  };
}
