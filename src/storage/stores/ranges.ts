import { LochError } from '../../core/errors.ts';
import type { ByteRange } from '../contract.ts';

export interface ServedRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The bytes of an object of `size` that a range names. **Errors**: `range_not_satisfiable` when it names none.
 * **Source**: RFC 9110 section 14.1.2.
 */
export function resolveRange(range: ByteRange, size: number): ServedRange {
  if ('suffix' in range) {
    if (range.suffix === 0 || size === 0) throw unsatisfiable(`the last ${range.suffix} bytes`, size);
    return { first: Math.max(0, size - range.suffix), last: size - 1 };
  }
  const last = Math.min(range.last ?? size - 1, size - 1);
  if (range.first > last) throw unsatisfiable(`from byte ${range.first}`, size);
  return { first: range.first, last };
}

function unsatisfiable(what: string, size: number): LochError {
  return new LochError('range_not_satisfiable', `The range asks for ${what}; the object has ${size} bytes.`, {
    context: { actualObjectSize: size },
  });
}
