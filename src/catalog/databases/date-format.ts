/** Dates by a pattern of Java's DateTimeFormatter, in UTC: `yyyy/MM/dd/HH`, `yyyy-MM-dd'T'HH`. */

type Unit = 'YEARS' | 'MONTHS' | 'DAYS' | 'HOURS' | 'MINUTES' | 'SECONDS';

export interface DateFormat {
  text(at: number): string;
  /** Milliseconds since 1970 UTC, or undefined for what is not of the format. */
  parse(text: string): number | undefined;
  /** The finest field. */
  readonly finest: Unit;
}

interface Field {
  readonly at: number;
  readonly width: number;
}

const LETTERS = 'yMdHmsS';
const UNITS: readonly Unit[] = ['YEARS', 'MONTHS', 'DAYS', 'HOURS', 'MINUTES', 'SECONDS', 'SECONDS'];

/** The format of a pattern, or undefined for one with other fields than years to milliseconds. */
export function dateFormat(pattern: string): DateFormat | undefined {
  const parts: (string | Field)[] = [];
  for (const [token, quoted, letters] of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']/g)) {
    if (quoted !== undefined) parts.push(quoted === '' ? "'" : quoted.replaceAll("''", "'"));
    else if (letters === undefined) parts.push(token);
    else {
      const at = LETTERS.indexOf(letters === 'u' ? 'y' : letters);
      const width = token.length;
      if (at === -1 || (at === 0 ? width !== 4 : at === 6 ? width !== 3 : width > 2)) return undefined;
      parts.push({ at, width });
    }
  }
  const fields = parts.filter((part) => typeof part !== 'string');
  if (fields.length === 0 || !fields.some((field) => field.at === 0)) return undefined;
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const shape = parts.map((part) =>
    typeof part === 'string' ? literal(part) : part.width === 1 ? '(\\d{1,2})' : `(\\d{${part.width}})`,
  );
  const reader = new RegExp(`^${shape.join('')}$`);
  return {
    finest: UNITS[Math.max(...fields.map((field) => field.at))]!,
    text(at) {
      const date = new Date(at);
      const values = [
        date.getUTCFullYear(),
        date.getUTCMonth() + 1,
        date.getUTCDate(),
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
        date.getUTCMilliseconds(),
      ];
      return parts
        .map((part) => (typeof part === 'string' ? part : String(values[part.at]).padStart(part.width, '0')))
        .join('');
    },
    parse(text) {
      const match = reader.exec(text);
      if (match === null) return undefined;
      const values = [1970, 1, 1, 0, 0, 0, 0];
      fields.forEach((field, i) => {
        values[field.at] = Number(match[i + 1]);
      });
      const [year, month, day, hour, minute, second, ms] = values as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const at = Date.UTC(year, month - 1, day, hour, minute, second, ms);
      const back = new Date(at);
      return back.getUTCMonth() === month - 1 && back.getUTCDate() === day && back.getUTCHours() === hour
        ? at
        : undefined;
    },
  };
}
