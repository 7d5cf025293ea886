import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { civilFromDays, daysFromCivil, formatTimestamp, parseTimestamp } from './civil-time.ts';
import { murmur3 } from './murmur3.ts';
import { parsePrimitiveType } from './primitive-type.ts';
import { parseValue, type SingleValue } from './single-value.ts';
import {
  applyTransform,
  formatPartitionValue,
  parsePartitionValue,
  parseTransform,
  transformApplies,
} from './transforms.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

/** Hash values of the specification, Appendix B; in 2^31 - 1 buckets the bucket is the hash without its sign. */
const HASHES: readonly (readonly [string, SingleValue, number])[] = [
  ['int', 34n, 2017239379],
  ['long', 34n, 2017239379],
  ['decimal(9,2)', 1420n, -500754589],
  ['date', parseValue(parsePrimitiveType('date'), '2017-11-16')!, -653330422],
  ['time', parseValue(parsePrimitiveType('time'), '22:31:08')!, -662762989],
  ['timestamp', parseValue(parsePrimitiveType('timestamp'), '2017-11-16 22:31:08')!, -2047944441],
  ['timestamp', parseValue(parsePrimitiveType('timestamp'), '2017-11-16 22:31:08.000001')!, -1207196810],
  ['timestamptz', parseValue(parsePrimitiveType('timestamptz'), '2017-11-16 14:31:08-08')!, -2047944441],
  ['timestamptz', parseValue(parsePrimitiveType('timestamptz'), '2017-11-16 14:31:08.000001-08')!, -1207196810],
  ['timestamp_ns', parseValue(parsePrimitiveType('timestamp_ns'), '2017-11-16 22:31:08')!, -2047944441],
  ['string', 'iceberg', 1210000089],
  ['uuid', bytes('f79c3e09677c4bbda4793f349cb785e7'), 1488055340],
  ['fixed[4]', bytes('00010203'), -188683207],
  ['binary', bytes('00010203'), -188683207],
];

describe('partition transforms', () => {
  it.each(HASHES)('bucket %s %s as the specification does', (type, value, hash) => {
    const transform = parseTransform('bucket[2147483647]');
    expect(applyTransform(transform, parsePrimitiveType(type), value)).toBe(BigInt((hash & 0x7fffffff) % 2147483647));
  });

  it('hashes bytes of any length', () => {
    expect(murmur3(Buffer.alloc(0))).toBe(0);
    expect(murmur3(Buffer.from('iceberg'))).toBe(1210000089);
  });

  it.each([
    ['truncate[10]', 'int', '1', '0'],
    ['truncate[10]', 'int', '-1', '-10'],
    ['truncate[50]', 'decimal(9,2)', '10.65', '10.50'],
    ['truncate[50]', 'decimal(9,2)', '-0.05', '-0.50'],
    ['truncate[3]', 'string', 'iceberg', 'ice'],
    ['truncate[2]', 'string', '🧊🧊🧊', '🧊🧊'],
    ['year', 'date', '2017-11-16', '2017'],
    ['year', 'timestamp', '1969-12-31 23:59:59.999999', '1969'],
    ['month', 'date', '2017-11-16', '2017-11'],
    ['month', 'timestamp', '1969-12-31 23:00:00', '1969-12'],
    ['day', 'timestamptz', '2017-11-16 23:31:08-08', '2017-11-17'],
    ['day', 'timestamp_ns', '1969-12-31 23:59:59.999999999', '1969-12-31'],
    ['hour', 'timestamp', '2017-11-16 22:31:08', '2017-11-16-22'],
    ['hour', 'timestamp', '1969-12-31 23:59:59', '1969-12-31-23'],
    ['identity', 'boolean', 'true', 'true'],
  ])('%s of %s `%s` is `%s`', (transformText, typeText, text, expected) => {
    const transform = parseTransform(transformText);
    const type = parsePrimitiveType(typeText);
    const value = applyTransform(transform, type, parseValue(type, text)!)!;
    expect(formatPartitionValue(transform, type, value)).toBe(expected);
    expect(parsePartitionValue(transform, type, expected)).toEqual(value);
  });

  it('gives the ordinals of the specification for times', () => {
    const type = parsePrimitiveType('timestamp');
    const at = parseValue(type, '2017-11-16 22:31:08')!;
    const ordinals = ['year', 'month', 'day', 'hour'].map((name) => applyTransform(parseTransform(name), type, at));
    expect(ordinals).toEqual([47n, 574n, 17486n, 419686n]);
  });

  it('refuses unknown transforms by name, and transforms that do not fit a type', () => {
    expect(() => parseTransform('zorder')).toThrow('`zorder`');
    expect(() => parseTransform('bucket[0]')).toThrow('`bucket[0]`');
    expect(transformApplies(parseTransform('bucket[4]'), parsePrimitiveType('double'))).toBe(false);
    expect(transformApplies(parseTransform('hour'), parsePrimitiveType('date'))).toBe(false);
    expect(transformApplies(parseTransform('truncate[2]'), parsePrimitiveType('uuid'))).toBe(false);
  });

  it('keeps the order of its source for all but bucket', () => {
    const type = parsePrimitiveType('timestamp');
    const micros = fc.bigInt(-(10n ** 16n), 10n ** 16n);
    fc.assert(
      fc.property(micros, micros, fc.constantFrom('year', 'month', 'day', 'hour'), (a, b, name) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const transform = parseTransform(name);
        expect(
          (applyTransform(transform, type, low) as bigint) <= (applyTransform(transform, type, high) as bigint),
        ).toBe(true);
      }),
    );
  });
});

describe('civil time', () => {
  it('agrees with the calendar of JavaScript for any day', () => {
    fc.assert(
      fc.property(fc.integer({ min: -3_000_000, max: 3_000_000 }), (days) => {
        const { year, month, day } = civilFromDays(days);
        const date = new Date(days * 86_400_000);
        expect([year, month, day]).toEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]);
        expect(daysFromCivil(year, month, day)).toBe(days);
      }),
    );
  });

  it('reads back every timestamp it writes', () => {
    fc.assert(
      fc.property(fc.bigInt(-(6n * 10n ** 16n), 2n * 10n ** 17n), fc.boolean(), (micros, zoned) => {
        expect(parseTimestamp(formatTimestamp(micros, zoned), zoned ? 'required' : 'refused')).toBe(micros);
      }),
    );
  });

  it.each(['2026-02-30', '2026-13-01', '2026-01-31 25:00:00', '2026-01-31 10:60', 'infinity', '', '26-01-31'])(
    'takes `%s` for no timestamp',
    (text) => {
      expect(parseTimestamp(text, 'refused')).toBeUndefined();
    },
  );
});
