/** Dates and times of the proleptic Gregorian calendar as integers, exactly, for any year a text can name. */

const DATE = /^([+-]?\d{4,6})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;
const TIMESTAMP =
  /^([+-]?\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?$/;

/** Days since 1970-01-01. **Source**: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Year, month (1–12) and day of a day number; the reverse of `daysFromCivil`. */
export function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

/** Days since 1970 of `2026-01-31`; undefined when it is no date. */
export function parseDate(text: string): bigint | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const days = daysFromCivil(year, month, day);
  const back = civilFromDays(days);
  return back.month === month && back.day === day ? BigInt(days) : undefined;
}

/** Microseconds (or nanoseconds) since midnight of `10:11:12.5`; undefined when it is no time of day. */
export function parseTime(text: string, fractionDigits: 6 | 9 = 6): bigint | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hour > 24 || minute > 59 || second > 59) return undefined;
  const fraction = match[4] ?? '';
  // Digits beyond the resolution may only be zeros: a text that is not exactly a value is no value.
  if (/[1-9]/.test(fraction.slice(fractionDigits))) return undefined;
  const units = BigInt(fraction.slice(0, fractionDigits).padEnd(fractionDigits, '0'));
  return BigInt(hour * 3600 + minute * 60 + second) * 10n ** BigInt(fractionDigits) + units;
}

/**
 * Micro- or nanoseconds since 1970 of `2026-01-31 10:11:12.5+00`. `zone` says whether an offset must be there or must
 * not: without one a `timestamptz` text depends on the reader's time zone. Undefined when it is not such a timestamp.
 */
export function parseTimestamp(text: string, zone: 'required' | 'refused', digits: 6 | 9 = 6): bigint | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const days = parseDate(match[1]!);
  const time = match[2] === undefined ? 0n : parseTime(match[2], digits);
  if (days === undefined || time === undefined) return undefined;
  if ((match[3] === undefined) !== (zone === 'refused')) return undefined;
  const perSecond = 10n ** BigInt(digits);
  return days * 86_400n * perSecond + time - BigInt(offsetSeconds(match[3])) * perSecond;
}

function offsetSeconds(offset: string | undefined): number {
  if (offset === undefined || offset === 'Z') return 0;
  const parts = offset.slice(1).replaceAll(':', '').match(/\d\d/g)!.map(Number);
  const seconds = parts[0]! * 3600 + (parts[1] ?? 0) * 60 + (parts[2] ?? 0);
  return offset.startsWith('-') ? -seconds : seconds;
}

/** `2026-01-31` of a day number. */
export function formatDate(days: bigint): string {
  const { year, month, day } = civilFromDays(Number(days));
  return `${formatYear(year)}-${two(month)}-${two(day)}`;
}

/** `10:11:12.5` of micro- or nanoseconds since midnight, without trailing zeros. */
export function formatTime(units: bigint, digits: 6 | 9 = 6): string {
  const perSecond = 10n ** BigInt(digits);
  const seconds = Number(units / perSecond);
  const fraction = (units % perSecond).toString().padStart(digits, '0').replace(/0+$/, '');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

/** `2026-01-31 10:11:12.5`, with `+00` when `zoned`. */
export function formatTimestamp(units: bigint, zoned: boolean, digits: 6 | 9 = 6): string {
  const perDay = 86_400n * 10n ** BigInt(digits);
  const days = floorDiv(units, perDay);
  return `${formatDate(days)} ${formatTime(units - days * perDay, digits)}${zoned ? '+00' : ''}`;
}

/** Division rounding toward negative infinity. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

const two = (n: number) => String(n).padStart(2, '0');

/** The year in at least four digits, as it stands in dates. */
export function formatYear(year: number): string {
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0');
}
