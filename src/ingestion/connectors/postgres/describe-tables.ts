/** The tables and views of a PostgreSQL database, as its catalog tells them; no row is read. */
import type { SourceTableDescription, SourceTablePattern } from '../../../catalog/contract.ts';
import type { Secret } from '../../../core/secret.ts';
import { PostgresReader } from './reader.ts';
import { hiveTypeOf } from './types.ts';

const TABLES = `SELECT current_database() AS db, n.nspname AS schema, c.relname AS name,
    c.relkind IN ('v', 'm') AS is_view, obj_description(c.oid, 'pg_class') AS about,
    json_agg(json_build_array(a.attname, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
      CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END),
      col_description(c.oid, a.attnum)) ORDER BY a.attnum)::text AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND current_database() LIKE $1 AND n.nspname LIKE $2 AND c.relname LIKE $3
    AND has_table_privilege(c.oid, 'SELECT')
  GROUP BY n.nspname, c.relname, c.relkind, c.oid ORDER BY 2, 3`;

/** Only `%` is a wildcard; LIKE's `_` and backslash would be as well. */
const likePattern = (pattern: string): string => pattern.replace(/[\\_]/g, '\\$&');

/** Those that the user may read. **Errors**: `source_failed` with the server's own reason. */
export async function* describePostgresTables(
  url: Secret,
  pattern: SourceTablePattern,
): AsyncGenerator<SourceTableDescription> {
  const reader = await PostgresReader.open(url);
  try {
    const patterns = [pattern.database, pattern.schema ?? '%', pattern.table].map(likePattern);
    for (const row of await reader.rows(TABLES, patterns)) {
      const columns = JSON.parse(row.columns!) as [string, string, string | null][];
      yield {
        database: row.db!,
        schema: row.schema!,
        name: row.name!,
        kind: /^t/.test(String(row.is_view)) ? 'view' : 'table',
        columns: columns.map(([name, type, comment]) => ({
          name,
          type: hiveTypeOf(type),
          ...(comment === null ? {} : { comment: comment.slice(0, 255) }),
        })),
        ...(row.about === null || row.about === undefined ? {} : { comment: row.about }),
      };
    }
  } finally {
    await reader.close();
  }
}
