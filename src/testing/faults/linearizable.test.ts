import { expect, it } from 'vitest';
import { linearization, type Operation } from './linearizable.ts';

const write = (value: string, begin: number, end: number): Operation => ({
  what: `write ${value}`,
  begin,
  end,
  apply: () => value,
});
const lost = (value: string, begin: number, end: number): Operation => ({ ...write(value, begin, end), lost: true });
const read = (value: string, begin: number, end: number): Operation => ({
  what: `read ${value}`,
  begin,
  end,
  reads: true,
  apply: (state) => (state === value ? state : undefined),
});
const explains = (...history: Operation[]) => linearization(history, '') !== undefined;

it('explains reads of one of two writes at the same time, in either order, but not in both', () => {
  expect(explains(write('a', 0, 10), write('b', 0, 10), read('a', 11, 12))).toBe(true);
  expect(explains(write('a', 0, 10), write('b', 0, 10), read('b', 11, 12))).toBe(true);
  expect(explains(write('a', 0, 10), write('b', 0, 10), read('a', 11, 12), read('b', 13, 14))).toBe(false);
  expect(explains(write('a', 0, 10), read('a', 1, 2), read('', 3, 4))).toBe(false);
});

it('does not explain a read of what was before a write that ended before the read began', () => {
  expect(explains(write('a', 0, 1), write('b', 2, 3), read('a', 4, 5))).toBe(false);
  expect(explains(write('a', 0, 1), read('', 2, 3))).toBe(false);
  expect(explains(read('a', 0, 1), write('a', 2, 3))).toBe(false);
});

it('lets a write without an answer happen until its end, or never, but only once', () => {
  expect(explains(write('a', 0, 1), lost('b', 2, 9), read('a', 4, 5), read('b', 6, 7), read('b', 8, 9))).toBe(true);
  expect(explains(write('a', 0, 1), lost('b', 2, 9), read('a', 4, 5))).toBe(true);
  expect(explains(write('a', 0, 1), lost('b', 2, 9), read('b', 4, 5), read('a', 6, 7))).toBe(false);
  expect(explains(write('a', 0, 1), lost('b', 2, 5), read('a', 6, 7), read('b', 8, 9))).toBe(false);
});

it('lets a write without an answer be seen by a read at the same time as a later one of what was before', () => {
  // The lost write happened, was read, was undone; the other read was right at the beginning already, but came after it.
  expect(explains(lost('b', 0, 1), read('b', 2, 9), write('', 2, 9), read('', 3, 9))).toBe(true);
  expect(explains(lost('b', 0, 1), read('b', 2, 9), read('', 3, 9))).toBe(false);
});
