import { describe, expect, it } from 'vitest';
import { hiveTypeOf, icebergTypeOf } from './column-types.ts';

describe('column types', () => {
  it.each([
    ['bigint', 'long'],
    ['INT', 'int'],
    ['tinyint', 'int'],
    ['decimal(12, 2)', 'decimal(12,2)'],
    ['decimal', 'decimal(10,0)'],
    ['varchar(255)', 'string'],
    ['char(3)', 'string'],
    ['timestamp with time zone', 'timestamptz'],
    ['double precision', 'double'],
    ['fixed(16)', 'fixed[16]'],
    ['numeric(5)', 'decimal(5,0)'],
  ])('%s is %s', (hive, iceberg) => {
    expect(icebergTypeOf(hive)).toBe(iceberg);
  });

  it.each([
    'bigint',
    'decimal(38,10)',
    'array<string>',
    'map<string,array<int>>',
    'struct<a:int,b b:array<struct<c:map<string,decimal(9,2)>>>,ü:timestamptz>',
    'fixed(4)',
    'uuid',
    'timestamp_ns',
  ])('reads %s back as it was', (text) => {
    expect(hiveTypeOf(icebergTypeOf(text))).toBe(text);
  });

  it.each([
    'hugeint',
    'uhugeint',
    'ubigint',
    'interval',
    'array<hugeint>',
    'struct<a:int',
    'decimal(39,0)',
    'map<int>',
    '',
  ])('refuses %s by name', (text) => {
    expect(() => icebergTypeOf(text)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });

  it('says what to do about 128-bit integers', () => {
    expect(() => icebergTypeOf('hugeint')).toThrow(/`hugeint`.*decimal\(38,0\)/);
  });
});
