/** A crawler's schedule: Glue's `cron(minutes hours day-of-month month day-of-week year)` in UTC. */
import { Cron } from 'croner';
import { LochError } from '../../core/errors.ts';

const invalid = (text: string, why: string, cause?: unknown) =>
  new LochError(
    'invalid_argument',
    `The schedule \`${text}\` is not read: ${why}. Write \`cron(15 12 * * ? *)\`: minutes, hours, day of month, month, day of week, year, in UTC.`,
    { cause },
  );

/** Days of the week count from 1 for Sunday in Glue, from 0 in cron. */
const weekday = (field: string): string =>
  field
    .split(',')
    .map((part) => part.replace(/^\d|(?<=-)\d/g, (digit) => String(Number(digit) - 1)))
    .join(',');

function cronOf(text: string): Cron {
  const fields = /^cron\((.*)\)$/.exec(text.trim())?.[1]?.trim().split(/\s+/);
  if (fields === undefined) throw invalid(text, 'it is no `cron(…)`');
  if (fields.length !== 6) throw invalid(text, `it has ${fields.length} fields instead of 6`);
  const [minutes, hours, days, month, week, year] = fields as [string, string, string, string, string, string];
  if (days !== '?' && week !== '?') throw invalid(text, 'one of day of month and day of week must be `?`');
  if (/[08-9]/.test(week.replace(/#\d/, '')))
    throw invalid(text, 'days of the week are 1 (Sunday) to 7, or their names');
  const either = (field: string) => (field === '?' ? '*' : field);
  const pattern = `0 ${minutes} ${hours} ${either(days)} ${month} ${weekday(either(week))} ${year}`;
  try {
    return new Cron(pattern, { timezone: 'UTC', paused: true });
  } catch (error) {
    throw invalid(text, (error as Error).message.replace(/^[A-Za-z]+: /, '').slice(0, 120), error);
  }
}

/** **Errors**: `invalid_argument` saying what is wrong with the expression. */
export function checkSchedule(text: string): void {
  cronOf(text);
}

/** The next time after `after` (ms), or undefined when there is none any more. */
export function nextRun(text: string, after: number): number | undefined {
  return cronOf(text).nextRun(new Date(after))?.getTime();
}
