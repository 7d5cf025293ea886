/** Partition values as typed, comparable things: `9 < 10` for an int key, `'9' > '10'` for a string key. */

/** How Hive writes a null partition value into a path. */
export const NULL_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** Two values of one kind compare; different kinds never meet, because a key has one type. */
export type Comparable = string | bigint | { readonly digits: bigint; readonly scale: number };

type Kind = 'text' | 'integer' | 'decimal' | 'date' | 'timestamp' | 'boolean' | 'other';

/** The kind of a Hive/Glue type text. */
export function kindOf(type: string): Kind {
  const name = /^[a-z]+/.exec(type.toLowerCase())?.[0] ?? '';
  if (['string', 'char', 'varchar'].includes(name)) return 'text';
  if (['tinyint', 'smallint', 'int', 'integer', 'bigint', 'long'].includes(name)) return 'integer';
  if (['decimal', 'numeric', 'double', 'float', 'real'].includes(name)) return 'decimal';
  if (name === 'date' || name === 'timestamp' || name === 'boolean') return name;
  return 'other';
}

const NUMBER = /^([+-]?)(\d+)(?:\.(\d*))?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const TIMESTAMP = /^(\d{4}-\d{1,2}-\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?$/;

/** `text` as a value of `kind`, or undefined when it is none. */
export function typedValue(kind: Kind, text: string): Comparable | undefined {
  switch (kind) {
    case 'text':
      return text;
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
    case 'decimal': {
      const match = NUMBER.exec(text);
      if (match === null) return undefined;
      const fraction = match[3] ?? '';
      return { digits: BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${fraction}`), scale: fraction.length };
    }
    case 'date':
      return dateText(text);
    case 'timestamp': {
      const match = TIMESTAMP.exec(text);
      const date = match === null ? undefined : dateText(match[1]!);
      if (match === null || date === undefined) return undefined;
      const [, , hour = '0', minute = '00', second = '00', fraction = ''] = match;
      return `${date} ${hour.padStart(2, '0')}:${minute}:${second}.${fraction.padEnd(9, '0')}`;
    }
    case 'boolean':
      return /^(true|false)$/i.test(text) ? text.toLowerCase() : undefined;
    case 'other':
      return undefined;
  }
}

function dateText(text: string): string | undefined {
  const match = DATE.exec(text);
  return match === null ? undefined : `${match[1]}-${match[2]!.padStart(2, '0')}-${match[3]!.padStart(2, '0')}`;
}

/** Below zero, zero or above. Text compares by its UTF-8 bytes. */
export function compareValues(a: Comparable, b: Comparable): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === 'object' && typeof b === 'object') {
    const scale = Math.max(a.scale, b.scale);
    const left = a.digits * 10n ** BigInt(scale - a.scale);
    const right = b.digits * 10n ** BigInt(scale - b.scale);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * One spelling of all texts that are equal as values of `kind`, where there is one; else the text itself. Used to order
 * index entries: two values that a comparison finds equal have one spelling.
 */
export function canonicalValue(kind: Kind, text: string): string {
  if (kind !== 'integer' && kind !== 'date') return text;
  const value = typedValue(kind, text);
  return value === undefined ? text : String(value);
}

/** Kinds whose equal values have one canonical spelling. */
export const isCanonical = (kind: Kind): boolean => kind === 'text' || kind === 'integer' || kind === 'date';
