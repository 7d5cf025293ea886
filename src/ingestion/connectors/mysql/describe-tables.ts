/** The tables and views of a MySQL or MariaDB server, as its information schema tells them; no row is read. */
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { SourceTableDescription, SourceTablePattern } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import type { Secret } from '../../../core/secret.ts';
import { hiveTypeOf } from './types.ts';

const CONNECT_MS = 15_000;
const OWN_SCHEMAS = "('information_schema', 'mysql', 'performance_schema', 'sys')";
const COLUMNS = `SELECT c.TABLE_SCHEMA AS db, c.TABLE_NAME AS name, t.TABLE_TYPE AS kind, t.TABLE_COMMENT AS about,
    c.COLUMN_NAME AS col, c.COLUMN_TYPE AS type, c.COLUMN_COMMENT AS comment
  FROM information_schema.COLUMNS c
    JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
  WHERE c.TABLE_SCHEMA LIKE ? AND c.TABLE_NAME LIKE ? AND c.TABLE_SCHEMA NOT IN ${OWN_SCHEMAS}
  ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION`;

/** Only `%` is a wildcard; LIKE's `_` and backslash would be as well. */
const likePattern = (pattern: string): string => pattern.replace(/[\\_]/g, '\\$&');

/** **Errors**: `source_failed` with the server's own reason; the address and its password are not in it. */
export async function* describeMysqlTables(
  url: Secret,
  pattern: SourceTablePattern,
): AsyncGenerator<SourceTableDescription> {
  const { connection, shown } = await connect(url);
  try {
    const [rows] = await connection.execute<RowDataPacket[]>({ sql: COLUMNS, rowsAsArray: false }, [
      likePattern(pattern.database),
      likePattern(pattern.table),
    ]);
    let current: SourceTableDescription | undefined;
    for (const row of rows) {
      if (current === undefined || current.name !== row.name || current.database !== row.db) {
        if (current !== undefined) yield current;
        const about = row.kind === 'VIEW' ? '' : String(row.about ?? '');
        current = {
          database: String(row.db),
          name: String(row.name),
          kind: row.kind === 'VIEW' ? 'view' : 'table',
          columns: [],
          ...(about === '' ? {} : { comment: about }),
        };
      }
      const comment = String(row.comment ?? '');
      const column = { name: String(row.col), type: hiveTypeOf(String(row.type)) };
      current = { ...current, columns: [...current.columns, comment === '' ? column : { ...column, comment }] };
    }
    if (current !== undefined) yield current;
  } catch (error) {
    throw failed(shown, error);
  } finally {
    await connection.end();
  }
}

/** Connects and lets go. **Errors**: `source_failed`. */
export async function probeMysql(url: Secret): Promise<void> {
  const { connection } = await connect(url);
  await connection.end();
}

async function connect(url: Secret): Promise<{ readonly connection: Connection; readonly shown: string }> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url.reveal());
  const shown = `mysql://${hostname}:${port}${pathname}`;
  try {
    const connection = await mysql.createConnection({
      host: hostname,
      port: Number(port || 3306),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      connectTimeout: CONNECT_MS,
      ...(searchParams.get('sslmode') === 'require' ? { ssl: {} } : {}),
    });
    return { connection, shown };
  } catch (error) {
    throw failed(shown, error);
  }
}

function failed(shown: string, error: unknown): LochError {
  if (error instanceof LochError) return error;
  return new LochError('source_failed', `${shown}: ${(error as Error).message}.`, { context: { source: shown } });
}
