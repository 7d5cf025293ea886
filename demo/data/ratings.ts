import { customerId } from './customers.ts';
import { FlawPlan, sourceSize } from './flaws.ts';
import type { SourceFile, SourceOptions } from './options.ts';
import { RowRandom } from './prng.ts';
import { addDays, BAD_DATES, dateText, dayStart } from './times.ts';

/** One credit rating of the partner's file. */
export interface Rating {
  readonly customer_ref: string | null;
  readonly rating: string;
  /** 300 to 850 where it is sound. */
  readonly score: number;
  readonly rated_on: string;
}

const GRADES = ['D', 'C', 'CC', 'CCC', 'B', 'BB', 'BBB', 'A', 'AA', 'AAA'];
const FIRST_RATING = dayStart('2025-01-01');
const CHUNK_ROWS = 500;

interface Plans {
  readonly own: FlawPlan;
  readonly customers: FlawPlan;
  readonly random: RowRandom;
  readonly stride: number;
}

/** The ratings of the partner, at most one sound rating for a customer besides corrections. */
export function* ratings(options: SourceOptions): Generator<Rating> {
  const customers = new FlawPlan('customers', sourceSize('customers', options.scale));
  const plans: Plans = {
    own: new FlawPlan('ratings', sourceSize('ratings', options.scale)),
    customers,
    random: new RowRandom(options.seed, 'ratings'),
    stride: coprimeNear(Math.max(1, Math.floor(customers.sound * 0.618)), customers.sound),
  };
  for (let row = 0; row < plans.own.rows; row++) yield ratingAt(row, plans);
}

/** The partner's file: one JSON array with a rating a line, or JSON lines. */
export function ratingsFile(options: SourceOptions & { readonly layout?: 'array' | 'lines' }): SourceFile {
  const array = (options.layout ?? 'array') === 'array';
  return {
    key: `ratings/partner-ratings.${array ? 'json' : 'ndjson'}`,
    rows: sourceSize('ratings', options.scale),
    *chunks() {
      let text = array ? '[\n' : '';
      let row = 0;
      for (const rating of ratings(options)) {
        if (array && row > 0) text += ',\n';
        text += JSON.stringify(rating) + (array ? '' : '\n');
        if (++row % CHUNK_ROWS === 0) {
          yield Buffer.from(text);
          text = '';
        }
      }
      yield Buffer.from(array ? `${text}\n]\n` : text);
    },
  };
}

function ratingAt(row: number, plans: Plans): Rating {
  const { own, random } = plans;
  const flaw = own.at(row);
  if (flaw === 'duplicate_exact' || flaw === 'duplicate_corrected') {
    const original = ratingAt(own.soundAtOrBefore(row - 1 - random.at(row).below(Math.min(row, 100))), plans);
    if (flaw === 'duplicate_exact') return original;
    const score = 300 + random.at(row).below(551);
    const ratedOn = addDays(dayStart(original.rated_on), 1 + random.below(40));
    return { ...original, rating: gradeOf(score), score, rated_on: dateText(ratedOn) };
  }
  const sound = soundRating(row, plans);
  switch (flaw) {
    case 'missing_key':
      return { ...sound, customer_ref: null };
    case 'bad_date':
      return { ...sound, rated_on: random.pick(BAD_DATES) };
    case 'unknown_reference':
      return { ...sound, customer_ref: `C9${random.digits(7)}` };
    case 'out_of_range':
      return { ...sound, score: random.pick([-1, 0, 999, 9999]) };
    case 'mixed_case':
      return { ...sound, customer_ref: ` ${sound.customer_ref!.toLowerCase()}`, rating: sound.rating.toLowerCase() };
    default:
      return sound;
  }
}

function soundRating(row: number, plans: Plans): Rating {
  const { customers, random, stride } = plans;
  random.at(row);
  const score = 300 + Math.floor(551 * Math.sqrt(random.fraction()));
  return {
    customer_ref: customerId(customers.soundRow((row * stride) % customers.sound)),
    rating: gradeOf(score),
    score,
    rated_on: dateText(addDays(FIRST_RATING, random.below(150))),
  };
}

function gradeOf(score: number): string {
  return GRADES[Math.min(GRADES.length - 1, Math.floor((score - 300) / 55))]!;
}

/** The first number from `start` on that has no factor in common with `size`: its multiples visit all remainders. */
function coprimeNear(start: number, size: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let candidate = start;
  while (gcd(candidate, size) !== 1) candidate++;
  return candidate;
}
