import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Intervals } from './intervals.ts';

const interval = fc.tuple(fc.nat(60), fc.nat(12)).map(([start, length]) => ({ start, end: start + length }));
const bytesOf = (list: readonly { start: number; end: number }[]) => {
  const bytes = new Set<number>();
  for (const { start, end } of list) for (let i = start; i < end; i++) bytes.add(i);
  return bytes;
};

it('is the set of its bytes, whatever was added in which order', () => {
  fc.assert(
    fc.property(fc.array(interval), (added) => {
      const set = new Intervals();
      for (const each of added) set.add(each);
      expect(bytesOf(set.list)).toEqual(bytesOf(added));
      expect(set.size).toBe(bytesOf(added).size);
      for (let i = 1; i < set.list.length; i++) expect(set.list[i]!.start).toBeGreaterThan(set.list[i - 1]!.end);
    }),
  );
});

it('misses exactly the wanted bytes that were not added, and joins pieces that are near', () => {
  fc.assert(
    fc.property(fc.array(interval), fc.array(interval), fc.nat(5), (added, wanted, gap) => {
      const set = new Intervals();
      for (const each of added) set.add(each);
      const lacking = new Set([...bytesOf(wanted)].filter((byte) => !bytesOf(added).has(byte)));
      expect(bytesOf(set.missing(wanted))).toEqual(lacking);
      const joined = set.missing(wanted, gap);
      for (const byte of lacking) expect(bytesOf(joined).has(byte)).toBe(true);
      for (let i = 1; i < joined.length; i++) expect(joined[i]!.start - joined[i - 1]!.end).toBeGreaterThan(gap);
      for (const each of joined) set.add(each);
      expect(set.missing(wanted)).toEqual([]);
    }),
  );
});
