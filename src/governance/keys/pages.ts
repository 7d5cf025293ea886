import { keyFailure, type KeyPage, type KeyPageRequest } from './contract.ts';

/** Where a listing goes on and how much it gives. **Errors**: `InvalidMarkerException`, `ValidationException`. */
export function readPage(
  page: KeyPageRequest,
  most = 1000,
  usual = 100,
): { readonly after: string; readonly limit: number } {
  const limit = page.limit ?? usual;
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw keyFailure('ValidationException', `Limit is ${limit}; give 1 to ${most}.`);
  }
  if (page.marker !== undefined && !/^[A-Za-z0-9_-]+$/.test(page.marker)) {
    throw keyFailure('InvalidMarkerException', 'The marker is none of ours. Use the one of the last page.');
  }
  return { after: Buffer.from(page.marker ?? '', 'base64url').toString('utf8'), limit };
}

/** The page of `items`, with a marker after the last one when more follow. */
export function pageOf<T>(items: readonly T[], more: boolean, nameOf: (item: T) => string): KeyPage<T> {
  const last = items.at(-1);
  return { items, ...(more && last !== undefined ? { marker: Buffer.from(nameOf(last)).toString('base64url') } : {}) };
}

/** A page of what is in memory, in order of names. */
export function pageOfList<T>(all: readonly T[], page: KeyPageRequest, nameOf: (item: T) => string): KeyPage<T> {
  const { after, limit } = readPage(page);
  const rest = all.filter((item) => nameOf(item) > after);
  return pageOf(rest.slice(0, limit), rest.length > limit, nameOf);
}
