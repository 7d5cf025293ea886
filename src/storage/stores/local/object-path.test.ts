import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyOfPath, objectPath } from './object-path.ts';

const V = '0123456789abcdef0123456789abcdef';
const hostile = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom('/', '.', '..', '~', '^', '^-', '^_', '^2e', '%', '*', '?', '[a]', '\\', '\0', '\n'),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom('.csv', '.gz', '.parquet', 'a', 'é', '😀', '\uFFFD', 'region=north', V, `~${V}`),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 80 }) },
      { weight: 1, arbitrary: fc.constantFrom('x'.repeat(189), '~'.repeat(200), 'é'.repeat(300), '😀'.repeat(100)) },
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join('').toWellFormed())
  .filter((key) => key.length > 0 && Buffer.byteLength(key) <= 1024);

it('keeps the extensions at the end and the folders readable', () => {
  expect(objectPath('raw/sales/dt=2026-01-31/part-0.csv.gz', V)).toBe(`raw/sales/dt=2026-01-31/part-0~${V}.csv.gz`);
  expect(objectPath('a.b/c.snappy.parquet', V)).toBe(`a.b/c~${V}.snappy.parquet`);
  expect(objectPath('noext', V)).toBe(`noext~${V}`);
  expect(objectPath('folder/', V)).toBe(`folder/~${V}`);
  expect(objectPath('.hidden', V)).toBe(`~${V}.hidden`);
});

it('gives every hostile key a path inside the folder that no glob expands and no directory can have', () => {
  fc.assert(
    fc.property(hostile, (key) => {
      const path = objectPath(key, V);
      const components = path.split('/');
      for (const component of components) {
        expect(component).not.toBe('');
        expect(component).not.toBe('.');
        expect(component).not.toBe('..');
        expect(component).not.toMatch(/[*?[\]\0\\]/);
        expect(Buffer.byteLength(component)).toBeLessThanOrEqual(255);
      }
      expect(components.slice(0, -1).join('')).not.toContain('~');
      expect(components.at(-1)!.split('~')).toHaveLength(2);
    }),
    { numRuns: 5000 },
  );
});

it('tells the key again from the path, so that two keys never share one', () => {
  fc.assert(
    fc.property(hostile, (key) => {
      expect(keyOfPath(objectPath(key, V))).toEqual({ key, versionId: V });
    }),
    { numRuns: 10_000 },
  );
});

it('never leaves dots alone of a long segment that is cut', () => {
  for (const dots of ['.', '..']) {
    const key = `${'x'.repeat(190)}${dots}/name`;
    expect(objectPath(key, V).split('/')[1]).toBe(dots.replaceAll('.', '^2e'));
    expect(keyOfPath(objectPath(key, V))).toEqual({ key, versionId: V });
  }
});

it('knows no key for a path it did not make', () => {
  for (const path of ['a', 'a~b', `a~${V}~${V}`, `.~${V}/../x`, `a*~${V}`]) expect(keyOfPath(path)).toBeUndefined();
});
