import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilterValue, RowFilter } from '../../contract.ts';
import { formatRowFilter } from './format-row-filter.ts';
import { assertMasksFit, joinMasks, splitMasks } from './masks.ts';
import { parseRowFilter } from './parse-row-filter.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'amount', type: 'decimal(12,2)' },
  { name: 'Region', type: 'string' },
  { name: 'active', type: 'boolean' },
  { name: 'date', type: 'date' },
  { name: 'seen', type: 'timestamp' },
  { name: 'odd "name', type: 'varchar(20)' },
  { name: 'home', type: 'struct<zip:string,geo:struct<lat:double,lon:double>,tags:array<string>>' },
  { name: 'tags', type: 'array<string>' },
  { name: 'raw', type: 'binary' },
];

const parse = (text: string) => parseRowFilter(text, COLUMNS);

describe('what is read', () => {
  it.each<[string, RowFilter]>([
    ["region = 'north'", { op: '=', column: ['region'], value: { kind: 'string', text: 'north' } }],
    ["'north' = Region", { op: '=', column: ['region'], value: { kind: 'string', text: 'north' } }],
    ['5 < id', { op: '>', column: ['id'], value: { kind: 'number', text: '5' } }],
    [
      'id != -12345678901234567890.5e3',
      { op: '<>', column: ['id'], value: { kind: 'number', text: '-12345678901234567890.5e3' } },
    ],
    ["region='it''s'", { op: '=', column: ['region'], value: { kind: 'string', text: "it's" } }],
    ['"odd ""name" IS NULL', { op: 'is_null', column: ['odd "name'] }],
    ['tags is not null', { op: 'not', term: { op: 'is_null', column: ['tags'] } }],
    ['active = TRUE', { op: '=', column: ['active'], value: { kind: 'boolean', value: true } }],
    ["date >= '2026-02-28'", { op: '>=', column: ['date'], value: { kind: 'date', text: '2026-02-28' } }],
    ["date >= DATE '2026-02-28'", { op: '>=', column: ['date'], value: { kind: 'date', text: '2026-02-28' } }],
    [
      "seen < TIMESTAMP '2026-01-01 10:00:00'",
      { op: '<', column: ['seen'], value: { kind: 'timestamp', text: '2026-01-01 10:00:00' } },
    ],
    ['home.geo.lat > 1.5', { op: '>', column: ['home', 'geo', 'lat'], value: { kind: 'number', text: '1.5' } }],
    ["region NOT LIKE 'n%'", { op: 'not', term: { op: 'like', column: ['region'], pattern: 'n%' } }],
    [
      'id BETWEEN 1 AND 3 AND active = false',
      {
        op: 'and',
        terms: [
          { op: 'between', column: ['id'], low: { kind: 'number', text: '1' }, high: { kind: 'number', text: '3' } },
          { op: '=', column: ['active'], value: { kind: 'boolean', value: false } },
        ],
      },
    ],
    [
      'id IN (1,2) OR NOT (id = 3 AND id <> 4)',
      {
        op: 'or',
        terms: [
          {
            op: 'in',
            column: ['id'],
            values: [
              { kind: 'number', text: '1' },
              { kind: 'number', text: '2' },
            ],
          },
          {
            op: 'not',
            term: {
              op: 'and',
              terms: [
                { op: '=', column: ['id'], value: { kind: 'number', text: '3' } },
                { op: '<>', column: ['id'], value: { kind: 'number', text: '4' } },
              ],
            },
          },
        ],
      },
    ],
    ['TRUE', { op: 'all' }],
    ['false', { op: 'none' }],
  ])('reads %s', (text, filter) => {
    expect(parse(text)).toEqual(filter);
  });

  it.each([
    ['upper(region) = 1', 'syntax_error', /character 1: functions/],
    ["region = lower('x')", 'syntax_error', /character 10: `lower`: a column is compared with a literal/],
    ['id IN (SELECT id FROM t)', 'syntax_error', /character 8: subqueries/],
    ['(SELECT 1) = id', 'syntax_error', /character 2: subqueries/],
    ['id = id', 'syntax_error', /character 6: .*not with another column/],
    ['id = NULL', 'syntax_error', /IS NULL/],
    ["tags = 'a'", 'type_mismatch', /IS NULL only/],
    ["raw = 'a'", 'type_mismatch', /IS NULL only/],
    ['tags[0] = 1', 'syntax_error', /character 5: arrays and maps/],
    ['home.tags = 1', 'type_mismatch', /array<string>/],
    ['home.street = 1', 'column_not_found', /character 1: .*no field `street`/],
    ['regoin = 1', 'column_not_found', /Did you mean `Region`/],
    ["id = 'x'", 'type_mismatch', /character 6: `id` is bigint/],
    ['region = 1', 'type_mismatch', /cannot be compared with a number/],
    ['region LIKE 1', 'syntax_error', /pattern/],
    ["id LIKE '1%'", 'type_mismatch', /LIKE compares texts/],
    ["region LIKE 'a' ESCAPE '!'", 'syntax_error', /ESCAPE is not supported/],
    ['active < true', 'type_mismatch', /no order/],
    ["date = DATE '2026-02-30'", 'syntax_error', /not a date/],
    ["date = '2026-02-30'", 'type_mismatch', /cannot be compared with a string/],
    ['id = 1 AND', 'syntax_error', /character 11: expected a column, found the end/],
    ['id = 1 id = 2', 'syntax_error', /character 8: expected AND, OR/],
    ['(id = 1', 'syntax_error', /character 8: expected `\)`/],
    ["region = 'open", 'syntax_error', /character 10: .*no closing quote/],
    ['id = 1; DROP TABLE t', 'syntax_error', /character 7/],
    ['id = 1 -- x', 'syntax_error', /character 8: comments/],
    ['id = 1 /* x */', 'syntax_error', /comments/],
    ['', 'syntax_error', /empty/],
    [`${'NOT '.repeat(65)}id = 1`, 'syntax_error', /nested deeper than 64/],
    [`${'('.repeat(1000)}id = 1`, 'syntax_error', /nested deeper than 64/],
    [`id = ${'1'.repeat(2050)}`, 'limit_exceeded', /2048 characters/],
  ])('refuses %s', (text, code, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

const value: Record<string, fc.Arbitrary<FilterValue>> = {
  id: fc.bigInt().map((n) => ({ kind: 'number', text: String(n) })),
  region: fc.string({ unit: 'binary' }).map((text) => ({ kind: 'string', text })),
  date: fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => ({ kind: 'date', text: date.toISOString().slice(0, 10) })),
};

const leaf: fc.Arbitrary<RowFilter> = fc.constantFrom('id', 'region', 'date').chain((name) => {
  const one = value[name]!;
  const column = [name];
  const shapes: fc.Arbitrary<RowFilter>[] = [
    fc.record({ op: fc.constantFrom('=', '<>', '<', '<=', '>', '>='), column: fc.constant(column), value: one }),
    fc.record({
      op: fc.constant('in'),
      column: fc.constant(column),
      values: fc.array(one, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('between'), column: fc.constant(column), low: one, high: one }),
    fc.constant({ op: 'is_null', column }),
    fc.constantFrom({ op: 'all' }, { op: 'none' }),
  ];
  if (name === 'region') {
    shapes.push(fc.string({ unit: 'grapheme' }).map((pattern) => ({ op: 'like', column, pattern })));
  }
  return fc.oneof(...shapes);
});

const filters = fc.letrec<{ filter: RowFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({
      op: fc.constantFrom('and', 'or'),
      terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not'), term: tie('filter') }),
  ),
})).filter;

it('reads back every filter it writes', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const text = formatRowFilter(filter);
      fc.pre(text.length <= 2048);
      expect(parse(text)).toEqual(filter);
    }),
    { numRuns: 500 },
  );
});

it('throws only its own errors, whatever the text', () => {
  const pieces = fc.constantFrom(
    'id',
    'region',
    '=',
    '<',
    '(',
    ')',
    'AND',
    'NOT',
    'IN',
    "'x'",
    '1',
    '.',
    ',',
    'LIKE',
    'IS',
    'NULL',
    '"',
    "'",
    'DATE',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((list) => list.join(' ')),
      ),
      (text) => {
        try {
          parse(text);
        } catch (error) {
          expect((error as { name: string }).name).toBe('LochError');
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

describe('masks in the header of an expression', () => {
  it('are taken off and put back', () => {
    const text = `/* loch:masks email=hash,"home phone"=last_4 */ region = 'north'`;
    const split = splitMasks(text);
    expect(split.masks).toEqual({ email: 'hash', 'home phone': 'last_4' });
    expect(split.expression).toBe(" region = 'north'");
    expect(joinMasks(split.masks, split.expression)).toBe(text);
  });

  it('stand alone over all rows', () => {
    const split = splitMasks('/* loch:masks email=null */ TRUE');
    expect(split).toMatchObject({ masks: { email: 'null' }, expression: undefined });
    expect(joinMasks(split.masks, undefined)).toBe('/* loch:masks email=null */ TRUE');
    expect(joinMasks({}, undefined)).toBeUndefined();
  });

  it('keep positions those of the whole text', () => {
    const { expression, offset } = splitMasks('/* loch:masks region=hash */ id = ');
    expect(() => parseRowFilter(expression!, COLUMNS, offset)).toThrow(/character 35/);
  });

  it.each([
    ['/* loch:masks email=hsh */ TRUE', /`hsh` is not a mask. Did you mean hash\?/],
    ['/* loch:masks email */ TRUE', /character 15: the header is written/],
    ['/* loch:masks a=hash b=hash */ TRUE', /the header is written/],
  ])('are refused in %s', (text, message) => {
    expect(() => splitMasks(text)).toThrow(message);
  });

  it('must fit the type of their column', () => {
    expect(() => assertMasksFit({ id: 'hash' }, COLUMNS)).toThrow(/Mask hash is for columns of type string/);
    expect(() => assertMasksFit({ region: 'date_to_year' }, COLUMNS)).toThrow(/date or timestamp/);
    expect(() => assertMasksFit({ gone: 'null' }, COLUMNS)).toThrow(/does not exist/);
    expect(() => assertMasksFit({ id: 'null', region: 'last_4', seen: 'date_to_year' }, COLUMNS)).not.toThrow();
  });
});
