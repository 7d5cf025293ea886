import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBound, upperBound } from './bounds.ts';
import { parsePrimitiveType } from './primitive-type.ts';
import { compareValues, decodeValue, encodeValue, formatValue, parseValue } from './single-value.ts';

const hex = (bytes: Buffer | undefined) => bytes?.toString('hex');

describe('binary single values', () => {
  it.each([
    ['boolean', 'true', '01'],
    ['int', '34', '22000000'],
    ['int', '-1', 'ffffffff'],
    ['long', '9007199254740993', '0100000000002000'],
    ['float', '1.5', '0000c03f'],
    ['double', '-0.0', '0000000000000080'],
    ['date', '1969-12-31', 'ffffffff'],
    ['time', '00:00:00.000001', '0100000000000000'],
    ['timestamp', '1970-01-01 00:00:01', '40420f0000000000'],
    ['timestamptz', '1970-01-01 01:00:00+01', '0000000000000000'],
    ['string', 'häl', '68c3a46c'],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
    ['decimal(9,2)', '14.20', '058c'],
    ['decimal(9,2)', '-1.28', '80'],
    ['decimal(9,2)', '1.28', '0080'],
    ['decimal(38,0)', '0', '00'],
  ])('writes %s %s as the specification does', (typeText, text, expected) => {
    const type = parsePrimitiveType(typeText);
    const value = parseValue(type, text)!;
    expect(encodeValue(type, value).toString('hex')).toBe(expected);
    expect(decodeValue(type, Buffer.from(expected, 'hex'))).toEqual(value);
  });

  it('reads the narrower bounds of a column that was widened', () => {
    expect(decodeValue(parsePrimitiveType('long'), Buffer.from('ffffffff', 'hex'))).toBe(-1n);
    expect(decodeValue(parsePrimitiveType('double'), Buffer.from('0000c03f', 'hex'))).toBe(1.5);
    expect(decodeValue(parsePrimitiveType('decimal(20,2)'), Buffer.from('058c', 'hex'))).toBe(1420n);
  });

  it('takes a text that is not exactly a value for none', () => {
    const none = (type: string, text: string) => parseValue(parsePrimitiveType(type), text);
    expect(none('int', '2147483648')).toBeUndefined();
    expect(none('int', '1.0')).toBeUndefined();
    expect(none('decimal(9,2)', '1.234')).toBeUndefined();
    expect(none('date', '2026-01-31 00:00:00')).toBeUndefined();
    expect(none('timestamptz', '2026-01-31 00:00:00')).toBeUndefined();
    expect(none('timestamp', '2026-01-31 00:00:00+00')).toBeUndefined();
    expect(none('boolean', '1')).toBeUndefined();
  });

  it('reads back every value it writes', () => {
    const cases: readonly (readonly [string, fc.Arbitrary<bigint | number | string | Uint8Array | boolean>])[] = [
      ['int', fc.integer().map(BigInt)],
      ['long', fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)],
      ['double', fc.double({ noNaN: true })],
      ['decimal(38,7)', fc.bigInt(-(10n ** 38n) + 1n, 10n ** 38n - 1n)],
      ['string', fc.string({ unit: 'binary' })],
      ['binary', fc.uint8Array()],
      ['boolean', fc.boolean()],
      ['timestamp', fc.bigInt(-(6n * 10n ** 16n), 2n * 10n ** 17n)],
      ['time', fc.bigInt(0n, 86_399_999_999n)],
    ];
    for (const [typeText, values] of cases) {
      const type = parsePrimitiveType(typeText);
      fc.assert(
        fc.property(values, (value) => {
          const plain = value instanceof Uint8Array ? Buffer.from(value) : value;
          expect(decodeValue(type, encodeValue(type, value)), typeText).toEqual(plain);
          expect(parseValue(type, formatValue(type, value)), typeText).toEqual(plain);
        }),
      );
    }
  });
});

describe('bounds', () => {
  const string = parsePrimitiveType('string');
  const binary = parsePrimitiveType('binary');

  it('cuts texts to 16 characters and raises the upper one', () => {
    expect(lowerBound(string, 'abcdefghijklmnopqr')?.toString()).toBe('abcdefghijklmnop');
    expect(upperBound(string, 'abcdefghijklmnopqr')?.toString()).toBe('abcdefghijklmnoq');
    expect(upperBound(string, 'abcdefghijklmnop')?.toString()).toBe('abcdefghijklmnop');
    expect(upperBound(string, `${'\u{10FFFF}'.repeat(16)}x`)).toBeUndefined();
    expect(upperBound(string, `a${'\u{10FFFF}'.repeat(15)}x`)?.toString()).toBe('b');
    expect(upperBound(string, `${'a'.repeat(15)}\ud7ffx`)?.toString()).toBe(`${'a'.repeat(15)}\ue000`);
  });

  it('cuts bytes to 16 and raises the upper ones', () => {
    expect(hex(lowerBound(binary, '00FF'.repeat(9)))).toBe('00ff'.repeat(8));
    expect(hex(upperBound(binary, '00FF'.repeat(9)))).toBe(`${'00ff'.repeat(7)}01`);
    expect(upperBound(binary, 'FF'.repeat(17))).toBeUndefined();
  });

  it('takes no NaN for a bound, and sets zeros apart', () => {
    const double = parsePrimitiveType('double');
    expect(lowerBound(double, 'nan')).toBeUndefined();
    expect(hex(lowerBound(double, '0.0'))).toBe('0000000000000080');
    expect(hex(upperBound(double, '-0.0'))).toBe('0000000000000000');
    expect(hex(upperBound(double, 'inf'))).toBe('000000000000f07f');
  });

  it('leaves out what it cannot read', () => {
    expect(upperBound(parsePrimitiveType('timestamp'), 'infinity')).toBeUndefined();
    expect(lowerBound(parsePrimitiveType('date'), '0044-03-15 (BC)')).toBeUndefined();
    expect(hex(lowerBound(parsePrimitiveType('boolean'), '0'))).toBe('00');
  });

  it('lies around every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const low = lowerBound(string, text)!;
        const high = upperBound(string, text);
        expect(Buffer.compare(low, Buffer.from(text))).toBeLessThanOrEqual(0);
        if (high !== undefined) expect(Buffer.compare(high, Buffer.from(text))).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('orders texts by their UTF-8 bytes', () => {
    expect(compareValues('\ufffd', '😀')).toBeLessThan(0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareValues(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });
});
