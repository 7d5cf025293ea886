/** Single values as JSON spells them. **Source**: Iceberg specification, Appendix C, "JSON single-value serialization". */
import type { PrimitiveType } from './primitive-type.ts';
import { formatValue, type SingleValue } from './single-value.ts';

const raw = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;

/** The JSON value: numbers exact beyond 2^53 as well, times in ISO form, bytes in upper-case hexadecimal. */
export function jsonValue(type: PrimitiveType, value: SingleValue): unknown {
  switch (type.kind) {
    case 'boolean':
    case 'string':
      return value;
    case 'int':
    case 'long':
      return Number.isSafeInteger(Number(value)) ? Number(value) : raw(String(value));
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : String(value);
    case 'timestamp':
    case 'timestamp_ns':
      return formatValue(type, value).replace(' ', 'T');
    case 'timestamptz':
    case 'timestamptz_ns':
      return formatValue(type, value).replace(' ', 'T').replace(/\+00$/, '+00:00');
    case 'fixed':
    case 'binary':
      return Buffer.from(value as Uint8Array)
        .toString('hex')
        .toUpperCase();
    default:
      return formatValue(type, value);
  }
}
