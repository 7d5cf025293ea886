import type { FilterValue } from '../../contract.ts';
import type { ComparableKind } from './column-types.ts';

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[ T]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?( ?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d))?$/;

/** Whether a text is a day of the calendar, years 0001 to 9999: such a literal fails in no engine. */
export function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Whether a text is a day with a time, down to nanoseconds, with or without an offset. */
export function isTimestamp(text: string): boolean {
  const match = TIMESTAMP.exec(text);
  return match !== null && isDate(match[1]!);
}

/**
 * The literal as a value of `kind`, or undefined when it is not one. A text compared with a date or timestamp is read
 * as one, since that is how people write them.
 */
export function literalAs(value: FilterValue, kind: ComparableKind): FilterValue | undefined {
  if (value.kind === kind) return value;
  if (value.kind !== 'string' && value.kind !== 'date') return undefined;
  if (kind === 'date' && value.kind === 'string' && isDate(value.text)) return { kind: 'date', text: value.text };
  if (kind === 'timestamp') {
    if (isDate(value.text)) return { kind: 'date', text: value.text };
    if (isTimestamp(value.text)) return { kind: 'timestamp', text: value.text };
  }
  return undefined;
}
