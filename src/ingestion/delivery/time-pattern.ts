/**
 * The subset of Java's DateTimeFormatter patterns that object prefixes use: `y u M d D H m s S`, repeated letters as
 * width, text in single quotes, `''` for a quote. **Source**: java.time.format.DateTimeFormatter, "Patterns".
 */
import { LochError } from '../../core/errors.ts';

/** The fields of an instant in a time zone. */
export type ZonedFields = Readonly<Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'milli', number>>;

/** **Errors**: `invalid_argument` for a zone that is not known. */
export function zonedFields(at: number, timeZone: string): ZonedFields {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw new LochError('invalid_argument', `\`${timeZone}\` is no time zone. Use an IANA name such as Europe/Oslo.`, {
      context: { timeZone },
      cause: error,
    });
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year, month, day, hour, minute, second } = parts;
  return {
    year: year!,
    month: month!,
    day: day!,
    hour: hour!,
    minute: minute!,
    second: second!,
    milli: ((at % 1000) + 1000) % 1000,
  };
}

/** `fields` written by `pattern`. **Errors**: `invalid_argument` naming the letter that is not supported. */
export function formatTimePattern(pattern: string, fields: ZonedFields): string {
  let text = '';
  for (let i = 0; i < pattern.length; ) {
    const char = pattern[i]!;
    if (char === "'") {
      const literal = /^'((?:[^']|'')*)'/.exec(pattern.slice(i));
      if (literal === null) throw badPattern(pattern, 'has a quote that is not closed');
      text += literal[1] === '' ? "'" : literal[1]!.replaceAll("''", "'");
      i += literal[0].length;
    } else if (/[A-Za-z]/.test(char)) {
      let width = 1;
      while (pattern[i + width] === char) width++;
      text += formatField(pattern, char, width, fields);
      i += width;
    } else {
      text += char;
      i++;
    }
  }
  return text;
}

function formatField(pattern: string, letter: string, width: number, fields: ZonedFields): string {
  const number = (value: number, most: number) => {
    if (width > most) throw badPattern(pattern, `has ${width} letters \`${letter}\`; at most ${most} are supported`);
    return String(value).padStart(width, '0');
  };
  switch (letter) {
    case 'y':
    case 'u':
      return width === 2 ? String(fields.year % 100).padStart(2, '0') : number(fields.year, 4);
    case 'M':
      return number(fields.month, 2);
    case 'd':
      return number(fields.day, 2);
    case 'D':
      return number(dayOfYear(fields), 3);
    case 'H':
      return number(fields.hour, 2);
    case 'm':
      return number(fields.minute, 2);
    case 's':
      return number(fields.second, 2);
    case 'S':
      return String(fields.milli).padStart(3, '0').padEnd(width, '0').slice(0, width);
    default:
      throw badPattern(pattern, `uses \`${letter}\`, which is not supported. Supported: y u M d D H m s S`);
  }
}

function dayOfYear({ year, month, day }: ZonedFields): number {
  return Math.round((Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
}

function badPattern(pattern: string, why: string): LochError {
  return new LochError('invalid_argument', `The time pattern \`${pattern}\` ${why}.`, { context: { pattern } });
}
