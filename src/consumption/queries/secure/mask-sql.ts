/** Masks as SQL: what stands for a value that only masked grants cover. */
import { createHmac } from 'node:crypto';
import type { Secret } from '../../../core/secret.ts';
import type { MaskFunction } from '../../../governance/contract.ts';
import { sqlString } from '../../../core/sql-text.ts';

/** Masks in order of precedence: of several that cover a cell, the first counts. */
export const MASK_ORDER = [
  'null',
  'hash',
  'date_to_year',
  'last_4',
  'tokenise',
] as const satisfies readonly MaskFunction[];

/** Salts of one account, as literals of the statement's own text: they never leave the engine. */
export interface MaskSalts {
  readonly hash: string;
  readonly token: string;
}

/** The salts of an account, the same for every statement, so that hashed keys join. */
export function maskSalts(key: Secret, accountId: string): MaskSalts {
  const derive = (purpose: string) =>
    createHmac('sha256', key.reveal()).update(`${purpose}\u0000${accountId}`).digest('hex');
  return { hash: derive('mask-hash'), token: derive('mask-token') };
}

/** `expression` of the engine type `type` under `mask`. A mask that does not fit its type gives NULL. */
export function maskSql(mask: MaskFunction, expression: string, type: string, salts: MaskSalts): string {
  switch (mask) {
    case 'hash':
      return type === 'VARCHAR' ? `sha256(${sqlString(salts.hash)} || ${expression})` : 'NULL';
    case 'tokenise':
      return type === 'VARCHAR' ? `('tok_' || left(sha256(${sqlString(salts.token)} || ${expression}), 24))` : 'NULL';
    case 'last_4':
      return type === 'VARCHAR' ? lastFour(expression) : 'NULL';
    case 'date_to_year':
      return /^(DATE|TIMESTAMP|TIMESTAMPTZ|TIMESTAMP_NS)$/.test(type)
        ? `CAST(date_trunc('year', ${expression}) AS ${type})`
        : 'NULL';
    case 'null':
      return 'NULL';
  }
}

/** `123-45-6789` → `xxx-xx-6789`; of four characters and less nothing is shown. */
function lastFour(expression: string): string {
  const hidden = (text: string) => `regexp_replace(${text}, '[\\p{L}\\p{N}]', 'x', 'g')`;
  return `CASE WHEN length(${expression}) <= 4 THEN ${hidden(expression)} ELSE ${hidden(`left(${expression}, length(${expression}) - 4)`)} || right(${expression}, 4) END`;
}
