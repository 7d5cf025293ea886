import { expect, it } from 'vitest';
import { nearestNames } from './suggest.ts';
it('suggests the nearest name', () => {
  expect(nearestNames('custmer', ['customer', 'order'])).toEqual(['customer']);
});
