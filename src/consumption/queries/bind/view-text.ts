import type { TableRecord } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';

/** A view's own statement. */
export interface ViewStatement {
  readonly sql: string;
  readonly database: string | undefined;
  readonly dialect: 'athena' | 'duckdb';
}

/**
 * The statement of a view record: plain SQL, or the base64 JSON that Athena and Presto store.
 * **Errors**: `data_corrupt` when it holds none.
 */
export function viewStatement(record: TableRecord): ViewStatement {
  const text = record.viewText?.trim() ?? '';
  const presto = /^\/\*\s*Presto View:\s*([A-Za-z0-9+/=]+)\s*\*\/$/.exec(text)?.[1];
  const dialect = record.parameters['loch.dialect'] === 'duckdb' ? 'duckdb' : 'athena';
  if (presto === undefined) {
    if (text === '') throw new LochError('data_corrupt', `The view \`${record.name}\` has no text.`);
    return { sql: text, database: undefined, dialect };
  }
  try {
    const stored = JSON.parse(Buffer.from(presto, 'base64').toString('utf8')) as {
      originalSql: string;
      schema?: string;
    };
    return { sql: stored.originalSql, database: stored.schema, dialect: 'athena' };
  } catch (cause) {
    throw new LochError('data_corrupt', `The view \`${record.name}\` has a text that cannot be read.`, { cause });
  }
}
