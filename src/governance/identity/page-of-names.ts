import { LochError } from '../../core/errors.ts';
import type { IdentityPage, ListRequest, PageRequest } from './contract.ts';
import { checkPath } from './check-names.ts';

const DEFAULT_ITEMS = 100;
const MAX_ITEMS = 1_000;

/**
 * Where a listing goes on and how much it gives: the marker is the last name that was given, in base64.
 * **Errors**: `invalid_argument`.
 */
export function readPage(page: PageRequest): { readonly after: string; readonly limit: number } {
  const limit = page.maxItems ?? DEFAULT_ITEMS;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_ITEMS) {
    throw new LochError('invalid_argument', `MaxItems is ${limit}; give 1 to ${MAX_ITEMS}.`);
  }
  if (page.marker !== undefined && !/^[A-Za-z0-9_-]+$/.test(page.marker)) {
    throw new LochError(
      'invalid_argument',
      `\`${page.marker.slice(0, 100)}\` is no marker. Use the one of the last page.`,
    );
  }
  return { after: Buffer.from(page.marker ?? '', 'base64url').toString('utf8'), limit };
}

/** As `readPage`, with the path all items begin with. */
export function readListing(list: ListRequest) {
  const pathPrefix = list.pathPrefix ?? '/';
  if (!pathPrefix.startsWith('/')) checkPath(pathPrefix);
  return { ...readPage(list), pathPrefix };
}

/** The page of `rows`, with a marker after the last one when more follow. */
export function pageOfRows<Row, Item>(
  found: { readonly rows: readonly Row[]; readonly more: boolean },
  nameOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): IdentityPage<Item> {
  const last = found.rows.at(-1);
  return {
    items: found.rows.map(itemOf),
    ...(found.more && last !== undefined ? { marker: Buffer.from(nameOf(last)).toString('base64url') } : {}),
  };
}
