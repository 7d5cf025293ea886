import { FlawPlan, sourceSize } from './flaws.ts';
import { ibanOf, spoiledIban } from './iban.ts';
import type { SourceOptions } from './options.ts';
import { RowRandom } from './prng.ts';
import { addDays, BAD_DATES, dateText, dayStart, dottedDate, timeText } from './times.ts';
import { CITIES, FIRST_NAMES, LAST_NAMES, REGIONS } from './words.ts';

/** A row of the table `bank.customers`. All texts as they stand in the source, flaws included. */
export interface Customer {
  readonly customer_id: string | null;
  readonly full_name: string;
  readonly email: string;
  /** Eleven digits, leading zeros matter. */
  readonly national_id: string;
  readonly birth_date: string;
  readonly region: string;
  readonly city: string;
  readonly iban: string;
  readonly income: string;
  readonly updated_at: string;
}

export const CUSTOMER_COLUMNS = [
  'customer_id',
  'full_name',
  'email',
  'national_id',
  'birth_date',
  'region',
  'city',
  'iban',
  'income',
  'updated_at',
] as const satisfies readonly (keyof Customer)[];

/** The id of the customer that row `row` brings. */
export const customerId = (row: number): string => `C${String(row + 1).padStart(8, '0')}`;

const FIRST_BIRTH = dayStart('1940-01-01');
const FIRST_UPDATE = dayStart('2025-01-01');

/** The rows of `bank.customers`, in order. */
export function* customers(options: SourceOptions): Generator<Customer> {
  const plan = new FlawPlan('customers', sourceSize('customers', options.scale));
  const random = new RowRandom(options.seed, 'customers');
  for (let row = 0; row < plan.rows; row++) yield customerAt(row, plan, random);
}

function customerAt(row: number, plan: FlawPlan, random: RowRandom): Customer {
  const flaw = plan.at(row);
  if (flaw === 'duplicate_exact') return customerAt(originalOf(row, plan, random), plan, random);
  if (flaw === 'duplicate_corrected') {
    const original = customerAt(originalOf(row, plan, random), plan, random);
    random.at(row);
    return {
      ...original,
      income: (Number(original.income) * (1 + random.fraction() / 4)).toFixed(2),
      updated_at: timeText(addDays(Date.parse(`${original.updated_at.replace(' ', 'T')}Z`), 1 + random.below(60))),
    };
  }
  const sound = soundCustomer(row, random);
  switch (flaw) {
    case 'missing_key':
      return { ...sound, customer_id: null };
    case 'bad_date':
      return { ...sound, birth_date: random.pick(BAD_DATES) };
    case 'invalid_iban':
      return { ...sound, iban: spoiledIban(sound.iban) };
    case 'mixed_case':
      return {
        ...sound,
        full_name: `  ${sound.full_name.toUpperCase()} `,
        email: sound.email.toUpperCase(),
        region: ` ${sound.region[0]!.toUpperCase()}${sound.region.slice(1)}`,
      };
    case 'other_date_format':
      return { ...sound, birth_date: dottedDate(sound.birth_date) };
    default:
      return sound;
  }
}

function originalOf(row: number, plan: FlawPlan, random: RowRandom): number {
  return plan.soundAtOrBefore(row - 1 - random.at(row).below(Math.min(row, 100)));
}

function soundCustomer(row: number, random: RowRandom): Customer {
  random.at(row);
  const first = random.pick(FIRST_NAMES);
  const last = random.pick(LAST_NAMES);
  const region = random.pick(REGIONS);
  return {
    customer_id: customerId(row),
    full_name: `${first} ${last}`,
    email: `${first}.${last}${row + 1}@example.${random.pick(['com', 'org', 'net'])}`.toLowerCase(),
    national_id: random.digits(11),
    birth_date: dateText(addDays(FIRST_BIRTH, random.below(24_000))),
    region,
    city: random.pick(CITIES[region]),
    iban: ibanOf(random.digits(18)),
    income: (18_000 + 90_000 * random.fraction() ** 2 + random.below(100) / 100).toFixed(2),
    updated_at: timeText(addDays(FIRST_UPDATE, random.below(120)) + random.below(86_400) * 1000),
  };
}
