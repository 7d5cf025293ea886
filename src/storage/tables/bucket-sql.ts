/**
 * The bucket transform as DuckDB expressions: murmur3 over 64-bit integers in plain arithmetic, over bytes by a fold.
 * Every step stays below 2^64 in UBIGINT, so nothing overflows. **Source**: as of `murmur3.ts`.
 */
import { LochError } from '../../core/errors.ts';
import type { PrimitiveType } from './primitive-type.ts';

const MASK = '4294967295::UBIGINT';

/** Macros that `bucketExpression` uses. */
export const BUCKET_MACROS: readonly string[] = [
  `CREATE OR REPLACE TEMP MACRO _loch_mul(a, b) AS ((a::UBIGINT * b::UBIGINT) & ${MASK})`,
  `CREATE OR REPLACE TEMP MACRO _loch_rot(a, n) AS ((((a::UBIGINT) << n) & ${MASK}) | ((a::UBIGINT) >> (32 - n)))`,
  `CREATE OR REPLACE TEMP MACRO _loch_key(k) AS _loch_mul(_loch_rot(_loch_mul(k, 3432918353), 15), 461845907)`,
  `CREATE OR REPLACE TEMP MACRO _loch_step(h, k) AS
     ((_loch_mul(_loch_rot(xor(h::UBIGINT, _loch_key(k)), 13), 5) + 3864292196::UBIGINT) & ${MASK})`,
  `CREATE OR REPLACE TEMP MACRO _loch_mix1(h) AS _loch_mul(xor(h::UBIGINT, (h::UBIGINT) >> 16), 2246822507)`,
  `CREATE OR REPLACE TEMP MACRO _loch_mix2(h) AS _loch_mul(xor(h::UBIGINT, (h::UBIGINT) >> 13), 3266489909)`,
  `CREATE OR REPLACE TEMP MACRO _loch_mix3(h) AS xor(h::UBIGINT, (h::UBIGINT) >> 16)`,
  `CREATE OR REPLACE TEMP MACRO _loch_end(h, n) AS
     (_loch_mix3(_loch_mix2(_loch_mix1(xor(h::UBIGINT, n::UBIGINT)))) & 2147483647::UBIGINT)`,
  // Two's complement of a signed 64-bit integer as two unsigned halves.
  `CREATE OR REPLACE TEMP MACRO _loch_low(x) AS ((((x::HUGEINT) % 4294967296) + 4294967296) % 4294967296)::UBIGINT`,
  `CREATE OR REPLACE TEMP MACRO _loch_bits(x) AS (CASE WHEN x < 0 THEN x::HUGEINT + 18446744073709551616 ELSE x::HUGEINT END)`,
  `CREATE OR REPLACE TEMP MACRO _loch_high(x) AS (_loch_bits(x) // 4294967296)::UBIGINT`,
  `CREATE OR REPLACE TEMP MACRO _loch_hash_long(x) AS
     _loch_end(_loch_step(_loch_step(0, _loch_low(x)), _loch_high(x)), 8)`,
  // Byte i (from 0) of a hexadecimal text as a number; little-endian words of it.
  `CREATE OR REPLACE TEMP MACRO _loch_byte(t, i) AS
     ((strpos('0123456789ABCDEF', substr(t, 2 * i + 1, 1)) - 1) * 16 + strpos('0123456789ABCDEF', substr(t, 2 * i + 2, 1)) - 1)::UBIGINT`,
  `CREATE OR REPLACE TEMP MACRO _loch_word(t, i) AS
     (_loch_byte(t, i) + _loch_byte(t, i + 1) * 256 + _loch_byte(t, i + 2) * 65536 + _loch_byte(t, i + 3) * 16777216)::UBIGINT`,
  `CREATE OR REPLACE TEMP MACRO _loch_tail(t, i, n) AS
     (CASE n WHEN 1 THEN _loch_byte(t, i)
             WHEN 2 THEN _loch_byte(t, i) + _loch_byte(t, i + 1) * 256
             ELSE _loch_byte(t, i) + _loch_byte(t, i + 1) * 256 + _loch_byte(t, i + 2) * 65536 END)::UBIGINT`,
  `CREATE OR REPLACE TEMP MACRO _loch_body(t, n) AS
     list_reduce(list_concat([0::UBIGINT], list_transform(range(0, n // 4), lambda i: _loch_word(t, i * 4))),
                 lambda h, k: _loch_step(h, k))`,
  `CREATE OR REPLACE TEMP MACRO _loch_hash_hex(t, n) AS
     _loch_end(CASE WHEN n % 4 = 0 THEN _loch_body(t, n)
                    ELSE xor(_loch_body(t, n), _loch_key(_loch_tail(t, n - n % 4, n % 4))) END, n)`,
  `CREATE OR REPLACE TEMP MACRO _loch_hash_bytes(b) AS _loch_hash_hex(hex(b), octet_length(b))`,
];

/** The bucket number of `column` (null for null). **Errors**: `unsupported` naming the type. */
export function bucketExpression(source: PrimitiveType, column: string, width: number): string {
  return `(${hashExpression(source, column)} % ${width})`;
}

function hashExpression(source: PrimitiveType, column: string): string {
  switch (source.kind) {
    case 'int':
    case 'long':
      return `_loch_hash_long(${column}::BIGINT)`;
    case 'date':
      return `_loch_hash_long(datediff('day', DATE '1970-01-01', ${column})::BIGINT)`;
    case 'time':
      return `_loch_hash_long(epoch_us(${column}))`;
    case 'timestamp':
    case 'timestamptz':
      return `_loch_hash_long(epoch_us(${column}))`;
    case 'string':
      return `_loch_hash_bytes(encode(${column}))`;
    case 'binary':
    case 'fixed':
      return `_loch_hash_bytes(${column})`;
    case 'uuid':
      return `_loch_hash_hex(upper(replace(${column}::VARCHAR, '-', '')), 16)`;
    default:
      throw new LochError('unsupported', `Writing data files bucketed by a ${source.kind} column is not supported.`, {
        context: { type: source.kind },
      });
  }
}
