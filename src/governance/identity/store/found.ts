import type { Kysely } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import type { EntityRow, IdentityTables, PolicyRow } from './tables.ts';

export type Db = Kysely<IdentityTables>;

/** Which user, group or role of an account. */
export interface EntityKey {
  readonly account: string;
  readonly kind: string;
  readonly name: string;
}

/** The error of a user, group or role that is not there. */
export function entityNotFound(kind: string, name: string): LochError {
  return new LochError('not_found', `The ${kind} \`${name}\` does not exist.`, { context: { kind, name } });
}

/** **Errors**: `not_found`. */
export async function entityRow(db: Db, key: EntityKey): Promise<EntityRow> {
  const row = await db
    .selectFrom('identity_entity')
    .selectAll()
    .where('account_id', '=', key.account)
    .where('kind', '=', key.kind)
    .where('name_key', '=', key.name.toLowerCase())
    .executeTakeFirst();
  if (row === undefined) throw entityNotFound(key.kind, key.name);
  return row;
}

/** **Errors**: `not_found`. */
export async function policyRow(db: Db, arn: string): Promise<PolicyRow> {
  const row = await db.selectFrom('identity_policy').selectAll().where('arn', '=', arn).executeTakeFirst();
  if (row === undefined) {
    throw new LochError('not_found', `The policy \`${arn}\` does not exist or is not attachable.`, {
      context: { arn },
    });
  }
  return row;
}

/** The error of a count that may not grow. */
export function limitReached(what: string, limit: number): LochError {
  return new LochError('limit_exceeded', `Cannot exceed the quota of ${limit} ${what}.`, { context: { limit } });
}

/** The error of something that others still hang on. */
export function stillUsed(message: string): LochError {
  return new LochError('conflict', message, { context: { reason: 'delete_conflict' } });
}

export interface StorePage<T> {
  readonly rows: T[];
  /** Whether more rows follow the last one. */
  readonly more: boolean;
}

/** A page of `limit` rows out of `limit + 1` that were read. */
export function pageOf<T>(rows: T[], limit: number): StorePage<T> {
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

/** The number a counting query gives. */
export async function countOf(query: {
  executeTakeFirst(): Promise<{ n: number | string | bigint } | undefined>;
}): Promise<number> {
  return Number((await query.executeTakeFirst())?.n ?? 0);
}
