import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { likePattern, parsePartitionFilter } from './partition-filter.ts';
import { NULL_VALUE } from './partition-value.ts';
import { namePattern } from './name-pattern.ts';

const keys = [
  { name: 'region', type: 'string' },
  { name: 'n', type: 'int' },
  { name: 'amount', type: 'decimal(10,2)' },
  { name: 'day', type: 'date' },
  { name: 'at', type: 'timestamp' },
];
const row = ['north', '10', '9.50', '2026-01-31', '2026-01-31 10:00:00'];
const matches = (expression: string, values: readonly string[] = row) =>
  parsePartitionFilter(expression, keys).test(values);

describe('the partition filter', () => {
  it('compares by the type of the key, not as text', () => {
    expect(matches('n > 9')).toBe(true);
    expect(matches("n = '010'")).toBe(true);
    expect(matches('amount = 9.5 AND amount < 10')).toBe(true);
    expect(matches("day >= '2026-1-31' and day < '2026-02-01'")).toBe(true);
    expect(matches("at > '2026-01-31' AND at <= '2026-01-31 10:00:00.000'")).toBe(true);
    expect(matches("region > 'a' AND region <> 'south'")).toBe(true);
  });

  it('knows IN, BETWEEN, LIKE, IS NULL, NOT, OR and parentheses', () => {
    expect(matches("region IN ('south', 'north')")).toBe(true);
    expect(matches('n NOT BETWEEN 1 AND 9')).toBe(true);
    expect(matches("region LIKE 'n_r%' AND NOT region LIKE '%x%'")).toBe(true);
    expect(matches("(n = 1 OR n = 10) AND region = 'north'")).toBe(true);
    expect(matches("n = 1 OR n = 10 AND region = 'south'")).toBe(false);
    expect(matches('region IS NULL', [NULL_VALUE, ...row.slice(1)])).toBe(true);
    expect(matches('region IS NOT NULL')).toBe(true);
    expect(matches(`"region" = 'north' AND \`n\` = 10`)).toBe(true);
  });

  it('keeps nothing on unknown, also under NOT', () => {
    const unknown = [NULL_VALUE, 'not a number', ...row.slice(2)];
    for (const expression of ["region = 'x'", "NOT region = 'x'", 'n < 5', 'NOT n < 5', "region NOT IN ('a')"]) {
      expect(matches(expression, unknown)).toBe(false);
    }
    expect(matches("region = 'x' OR amount > 1", unknown)).toBe(true);
  });

  it('never turns what it cannot read into "all partitions"', () => {
    for (const expression of [
      'n =',
      'nowhere = 1',
      "n = 'ten'",
      "day > 'yesterday'",
      'n = 1 AND',
      '(n = 1',
      'n = 1)',
      'n ~ 1',
      'n = 1; DROP TABLE x',
      "region = 'open",
      'n LIKE 1',
      'n BETWEEN 1',
      'region IN ()',
      `${'('.repeat(500)}n = 1${')'.repeat(500)}`,
      'x'.repeat(3000),
    ]) {
      expect(() => parsePartitionFilter(expression, keys)).toThrow(/cannot be read|characters/);
    }
  });

  it('says where it stopped reading', () => {
    expect(() => matches('n = 1 AND =')).toThrow('expected at character 10');
    expect(() => matches('nn = 1')).toThrow('the keys are `region`, `n`, `amount`, `day`, `at`');
  });

  it('knows which leading string values every match has', () => {
    const leading = (expression: string) =>
      parsePartitionFilter(expression, [
        { name: 'a', type: 'string' },
        { name: 'b', type: 'string' },
        { name: 'c', type: 'int' },
      ]).leading;
    expect(leading("a = 'x' AND (b = 'y') AND c = 1")).toEqual(['x', 'y']);
    expect(leading("b = 'y'")).toEqual([]);
    expect(leading("a = 'x' OR b = 'y'")).toEqual([]);
    expect(leading("b = 'y' AND (a = 'x' OR c = 1)")).toEqual([]);
    expect(leading("NOT a = 'x'")).toEqual([]);
    expect(leading("NOT (a = 'x' AND b = 'y')")).toEqual([]);
  });

  it('equals a filter written by hand over random expressions', () => {
    type Shape = { readonly text: string; readonly test: (region: string, n: number) => boolean };
    const leaf: fc.Arbitrary<Shape> = fc.oneof(
      fc.tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>='), fc.integer({ min: -3, max: 12 })).map(([op, k]) => ({
        text: `n ${op} ${k}`,
        test: (_: string, n: number) =>
          ({ '=': n === k, '<>': n !== k, '<': n < k, '<=': n <= k, '>': n > k, '>=': n >= k })[op]!,
      })),
      fc.constantFrom('a', 'b', "o'c").map((v) => ({
        text: `region = '${v.replaceAll("'", "''")}'`,
        test: (region: string) => region === v,
      })),
      fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })).map(([low, high]) => ({
        text: `n BETWEEN ${low} AND ${high}`,
        test: (_: string, n: number) => n >= low && n <= high,
      })),
    );
    const { tree } = fc.letrec<{ tree: Shape }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('tree'), tie('tree'), fc.boolean()).map(([a, b, isAnd]) => ({
          text: `(${a.text}) ${isAnd ? 'AND' : 'OR'} (${b.text})`,
          test: (region: string, n: number) =>
            isAnd ? a.test(region, n) && b.test(region, n) : a.test(region, n) || b.test(region, n),
        })),
        tie('tree').map((a) => ({
          text: `NOT (${a.text})`,
          test: (region: string, n: number) => !a.test(region, n),
        })),
      ),
    }));
    const twoKeys = keys.slice(0, 2);
    fc.assert(
      fc.property(tree, (shape) => {
        const filter = parsePartitionFilter(shape.text, twoKeys);
        for (const region of ['a', 'b', "o'c", 'z']) {
          for (let n = -1; n < 11; n++) {
            const kept = filter.test([region, String(n)]);
            if (kept !== shape.test(region, n)) return false;
            if (kept && filter.leading.length > 0 && filter.leading[0] !== region) return false;
          }
        }
        return true;
      }),
      { numRuns: 500 },
    );
  });
});

describe('name patterns', () => {
  it('match whole names like a regular expression', () => {
    const cases: [string, string[], string[]][] = [
      ['orders', ['orders'], ['orders2', 'order']],
      ['ord.*', ['orders', 'ord'], ['word']],
      ['*_raw', ['a_raw', '_raw'], ['raw']],
      ['raw_*', ['raw_', 'raw_a'], ['raw', 'xraw_a']],
      ['*a*', ['a', 'flat'], ['lines']],
      ['orders*|*items', ['orders', 'orders2', 'my_items'], ['order']],
      ['(a|b)+c?', ['a', 'abbac'], ['', 'abcc']],
      ['[a-c]x[^0-9]', ['bxz'], ['dxz', 'bx1']],
      ['A\\.b', ['a.b'], ['axb']],
      ['^t\\d$', ['t1'], ['tt']],
    ];
    for (const [pattern, yes, no] of cases) {
      const test = namePattern(pattern);
      for (const name of yes) expect([pattern, name, test(name)]).toEqual([pattern, name, true]);
      for (const name of no) expect([pattern, name, test(name)]).toEqual([pattern, name, false]);
    }
  });

  it('refuse what they do not know, and cost no more than their length', () => {
    for (const bad of ['(', '[a', 'a{2}', '+a', 'a\\', '\\b', '('.repeat(60) + ')'.repeat(60)]) {
      expect(() => namePattern(bad)).toThrow('cannot be read');
    }
    expect(namePattern(`${'([a]*)*'.repeat(30)}b`)('a'.repeat(200))).toBe(false);
  });

  it('agree with RegExp on random patterns', () => {
    const piece = fc.constantFrom('a', 'b', '.', '[a]*', 'b+', '(ab|b)', '[ab]?', '.*');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.stringMatching(/^[abc]{0,6}$/), (pieces, name) => {
        const pattern = pieces.join('');
        return namePattern(pattern)(name) === new RegExp(`^(?:${pattern})$`).test(name);
      }),
    );
  });
});

it('LIKE holds `%` and `_` against any text', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab%_]{0,6}$/), fc.stringMatching(/^[ab]{0,6}$/), (pattern, text) => {
      const regular = new RegExp(`^${pattern.replaceAll('%', '.*').replaceAll('_', '.')}$`);
      return likePattern(pattern)(text) === regular.test(text);
    }),
  );
});
