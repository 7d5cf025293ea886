/**
 * Single values of primitive types: the engine's text, a JavaScript value, and the binary form of bounds.
 *
 * Invariants
 * - Integers, dates, times, timestamps and decimals (unscaled) are bigint; strings are strings; bytes are bytes.
 * - A text that is not exactly a value of the type is no value (undefined): callers then prune nothing by it.
 * - Strings order by their UTF-8 bytes, as the engine and the specification do.
 *
 * **Source**: Iceberg specification, Appendix D, "Binary single-value serialization".
 */
import { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from './civil-time.ts';
import type { PrimitiveType } from './primitive-type.ts';

export type SingleValue = bigint | number | boolean | string | Uint8Array;

/** The value of the engine's text form, or undefined when the text is not exactly a value of `type`. */
export function parseValue(type: PrimitiveType, text: string): SingleValue | undefined {
  switch (type.kind) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'int':
      return integerWithin(text, 31n);
    case 'long':
      return integerWithin(text, 63n);
    case 'float':
    case 'double':
      return parseFloating(text);
    case 'decimal':
      return parseDecimal(text, type.scale);
    case 'date':
      return parseDate(text);
    case 'time':
      return parseTime(text);
    case 'timestamp':
      return parseTimestamp(text, 'refused');
    case 'timestamptz':
      return parseTimestamp(text, 'required');
    case 'timestamp_ns':
      return parseTimestamp(text, 'refused', 9);
    case 'timestamptz_ns':
      return parseTimestamp(text, 'required', 9);
    case 'string':
      return text;
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
        ? Buffer.from(text.replaceAll('-', ''), 'hex')
        : undefined;
    case 'fixed':
    case 'binary':
      return parseBlob(text);
  }
}

/** The value of a bound as the engine's file statistics spell it: booleans `0`/`1`, bytes in hexadecimal. */
export function parseStatistic(type: PrimitiveType, text: string): SingleValue | undefined {
  if (type.kind === 'boolean' && (text === '0' || text === '1')) return text === '1';
  if (type.kind === 'fixed' || type.kind === 'binary') {
    return /^([0-9A-Fa-f]{2})*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
  }
  return parseValue(type, text);
}

/** The engine's text form of a value. */
export function formatValue(type: PrimitiveType, value: SingleValue): string {
  switch (type.kind) {
    case 'decimal':
      return formatDecimal(value as bigint, type.scale);
    case 'float':
    case 'double':
      return formatFloating(value as number);
    case 'date':
      return formatDate(value as bigint);
    case 'time':
      return formatTime(value as bigint);
    case 'timestamp':
      return formatTimestamp(value as bigint, false);
    case 'timestamptz':
      return formatTimestamp(value as bigint, true);
    case 'timestamp_ns':
      return formatTimestamp(value as bigint, false, 9);
    case 'timestamptz_ns':
      return formatTimestamp(value as bigint, true, 9);
    case 'uuid':
      return Buffer.from(value as Uint8Array)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    case 'fixed':
    case 'binary':
      return formatBlob(value as Uint8Array);
    default:
      return String(value);
  }
}

/** The binary form of a value. */
export function encodeValue(type: PrimitiveType, value: SingleValue): Buffer {
  switch (type.kind) {
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0]);
    case 'int':
    case 'date': {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(Number(value));
      return bytes;
    }
    case 'float': {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value as number);
      return bytes;
    }
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value as number);
      return bytes;
    }
    case 'decimal':
      return encodeUnscaled(value as bigint);
    case 'string':
      return Buffer.from(value as string, 'utf8');
    case 'uuid':
    case 'fixed':
    case 'binary':
      return Buffer.from(value as Uint8Array);
    default: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value as bigint);
      return bytes;
    }
  }
}

/**
 * The value of a binary form, or undefined when its length does not fit. A bound written before the column was widened
 * (int → long, float → double) keeps its narrower form, so the length decides.
 */
export function decodeValue(type: PrimitiveType, bytes: Uint8Array): SingleValue | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type.kind) {
    case 'boolean':
      return buffer.length === 1 ? buffer[0] !== 0 : undefined;
    case 'float':
    case 'double':
      if (buffer.length === 4) return buffer.readFloatLE();
      return buffer.length === 8 ? buffer.readDoubleLE() : undefined;
    case 'decimal':
      return buffer.length === 0 ? undefined : decodeUnscaled(buffer);
    case 'string':
      return buffer.toString('utf8');
    case 'uuid':
      return buffer.length === 16 ? buffer : undefined;
    case 'fixed':
    case 'binary':
      return buffer;
    case 'unknown':
    case 'variant':
    case 'geometry':
    case 'geography':
      return undefined;
    default:
      if (buffer.length === 4) return BigInt(buffer.readInt32LE());
      return buffer.length === 8 ? buffer.readBigInt64LE() : undefined;
  }
}

/** Order of two values of one type: negative, zero or positive. NaN has no place in it; callers keep it out. */
export function compareValues(a: SingleValue, b: SingleValue): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  // UTF-16 order equals UTF-8 order unless surrogates are involved.
  return /[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b)
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : a < b
      ? -1
      : 1;
}

function integerWithin(text: string, bits: bigint): bigint | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= -(1n << bits) && value < 1n << bits ? value : undefined;
}

function parseFloating(text: string): number | undefined {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function formatFloating(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value);
}

/** The unscaled integer of `12.50` at `scale`, or undefined when digits would be lost. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) return undefined;
  const fraction = match[3] ?? '';
  if (/[1-9]/.test(fraction.slice(scale))) return undefined;
  const unscaled = BigInt(`${match[2]}${fraction.slice(0, scale).padEnd(scale, '0')}` || '0');
  return match[1] === '-' ? -unscaled : unscaled;
}

/** `12.50` of 1250 at scale 2. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Big-endian two's complement in the fewest bytes. */
export function encodeUnscaled(value: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes++;
  return encodeUnscaledFixed(value, bytes);
}

/** Big-endian two's complement in exactly `length` bytes. */
export function encodeUnscaledFixed(value: bigint, length: number): Buffer {
  return Buffer.from(
    BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  );
}

/** The integer of big-endian two's complement bytes. */
export function decodeUnscaled(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

/** Bytes of the engine's BLOB text: printable ASCII as it is, the rest as `\xAB`. */
function parseBlob(text: string): Uint8Array | undefined {
  if (!/^(?:[\x20-\x5b\x5d-\x7e]|\\x[0-9A-Fa-f]{2})*$/.test(text)) return undefined;
  return Buffer.from(
    text.replace(/\\x([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function formatBlob(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x22 && byte !== 0x27 && byte !== 0x5c;
    text += printable ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
