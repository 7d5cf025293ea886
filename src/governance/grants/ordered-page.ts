import { LochError } from '../../core/errors.ts';
import type { PageQuery } from './contract.ts';

/** The asked page size. **Errors**: `invalid_argument`. */
export function pageSizeOf(query: PageQuery): number {
  const max = query.max ?? 100;
  if (Number.isInteger(max) && max >= 1 && max <= 1000) return max;
  throw new LochError('invalid_argument', `A page holds 1 to 1000 entries, not ${max}.`, {
    context: { argument: 'MaxResults', limit: 1000 },
  });
}

/** One page of `items` in the order of their keys; the token is the key of the last one shown. */
export function orderedPage<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  query: PageQuery,
): { readonly page: readonly T[]; readonly nextToken?: string } {
  const max = pageSizeOf(query);
  const after = query.nextToken === undefined ? '' : Buffer.from(query.nextToken, 'base64url').toString();
  const rest = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = rest.slice(0, max);
  if (rest.length <= max) return { page: page.map(({ item }) => item) };
  return { page: page.map(({ item }) => item), nextToken: Buffer.from(page.at(-1)!.key).toString('base64url') };
}
