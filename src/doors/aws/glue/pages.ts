import { LochError } from '../../../core/errors.ts';
import type { RequestContext } from '../../../core/caller.ts';

/** Where a listing goes on, opaque to the client. */
export const tokenOf = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url');

/** **Errors**: `invalid_argument` for a token that no listing gave. */
export function positionOf<T>(token: string | undefined, isPosition: (value: unknown) => value is T): T | undefined {
  if (token === undefined || token === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    value = undefined;
  }
  if (isPosition(value)) return value;
  throw new LochError('invalid_argument', '`NextToken` is not one that a listing gave. Begin again without it.');
}

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The page size asked for. **Errors**: `invalid_argument` outside 1 to `most`. */
export function pageSize(asked: number | undefined, most: number): number {
  if (asked === undefined) return most;
  if (Number.isInteger(asked) && asked >= 1 && asked <= most) return asked;
  throw new LochError('invalid_argument', `\`MaxResults\` is ${asked}; it must be 1 to ${most}.`);
}

/** **Errors**: `not_found` for another catalog than the account's. */
export function checkCatalog(context: RequestContext, catalogId: string | undefined): void {
  if (catalogId === undefined || catalogId === '' || catalogId === context.accountId) return;
  throw new LochError(
    'not_found',
    `Catalog \`${catalogId}\` does not exist. The catalog here is \`${context.accountId}\`.`,
    {
      context: { catalog: catalogId },
    },
  );
}

/** **Errors**: `limit_exceeded` when a batch holds more than `most`. */
export function checkBatch(items: readonly unknown[] | undefined, most: number, name: string): void {
  if ((items?.length ?? 0) <= most) return;
  throw new LochError('invalid_argument', `\`${name}\` has ${items!.length} entries; the limit is ${most}.`);
}
