import { customerId } from './customers.ts';
import { FlawPlan, sourceSize } from './flaws.ts';
import type { SourceOptions } from './options.ts';
import { RowRandom } from './prng.ts';
import { addDays, dayStart } from './times.ts';
import { PAGES } from './words.ts';

/** One event of the bank's web site, sent as one JSON line. A visitor who has not signed in has no customer id. */
export interface WebEvent {
  readonly event_id: string | null;
  readonly customer_id: string | null;
  readonly cookie: string;
  readonly event_time: string;
  readonly page: string;
  readonly action: string;
  readonly duration_ms: number;
}

const ACTIONS = ['view', 'view', 'view', 'click', 'click', 'submit', 'calculate'];
const FIRST_DAY = dayStart('2025-06-01');
const SPAN_MS = 30 * 86_400_000;

interface Plans {
  readonly own: FlawPlan;
  readonly customers: FlawPlan;
  readonly random: RowRandom;
}

/** The web events in the order in which they are sent. Duplicates are re-sends, byte for byte the same. */
export function* webEvents(options: SourceOptions): Generator<WebEvent> {
  const plans: Plans = {
    own: new FlawPlan('web_events', sourceSize('web_events', options.scale)),
    customers: new FlawPlan('customers', sourceSize('customers', options.scale)),
    random: new RowRandom(options.seed, 'web_events'),
  };
  for (let row = 0; row < plans.own.rows; row++) yield eventAt(row, plans);
}

/** The web events as JSON lines, each one record for a delivery stream. */
export function* webEventRecords(options: SourceOptions): Generator<Uint8Array> {
  for (const event of webEvents(options)) yield Buffer.from(`${JSON.stringify(event)}\n`);
}

function eventAt(row: number, plans: Plans): WebEvent {
  const { own, random } = plans;
  const flaw = own.at(row);
  if (flaw === 'duplicate_exact') {
    return eventAt(own.soundAtOrBefore(row - 1 - random.at(row).below(Math.min(row, 2_000))), plans);
  }
  const sound = soundEvent(row, plans);
  switch (flaw) {
    case 'missing_key':
      return { ...sound, event_id: null };
    case 'bad_date':
      return { ...sound, event_time: random.pick(['', 'yesterday', '2025-06-31T10:00:00Z', '1750000000x']) };
    case 'unknown_reference':
      return { ...sound, customer_id: `C9${random.digits(7)}` };
    case 'mixed_case':
      return { ...sound, action: sound.action.toUpperCase(), page: sound.page.toUpperCase() };
    default:
      return sound;
  }
}

function soundEvent(row: number, plans: Plans): WebEvent {
  const { own, customers, random } = plans;
  random.at(row);
  const signedIn = random.chance(0.7);
  const customer = customers.soundRow(random.below(customers.sound));
  const time = addDays(FIRST_DAY, 0) + Math.floor((row / own.rows) * SPAN_MS) + random.below(60_000);
  return {
    event_id: `E${String(row + 1).padStart(10, '0')}`,
    customer_id: signedIn ? customerId(customer) : null,
    cookie: random.next().toString(16).padStart(8, '0'),
    event_time: new Date(time).toISOString(),
    page: random.pick(PAGES),
    action: random.pick(ACTIONS),
    duration_ms: 200 + Math.floor(120_000 * random.fraction() ** 3),
  };
}
