/**
 * PostgreSQL, read by COPY under one exported snapshot.
 *
 * Invariants
 * - The connection that exported the snapshot stays idle in its transaction: while it lives, others can join it.
 * - Ranges are runs of pages (`ctid`), the last one open ended: together they hold each row of the snapshot once,
 *   whatever was written since. **Source**: PostgreSQL documentation, "pg_export_snapshot", "TID Range Scan".
 */
import pg from 'pg';
import { LochError } from '../../../core/errors.ts';
import type { Secret } from '../../../core/secret.ts';
import type { SourceConnector, SourceRange, SourceSnapshot, SourceTable } from '../source.ts';
import { shownUrl } from './config.ts';
import { PostgresReader } from './reader.ts';
import { hiveTypeOf } from './types.ts';

const MAX_PARALLEL_READS = 16;
/** From here on the server reads a range of pages without reading the table. */
const TID_RANGE_SCAN_VERSION = 140_000;
const ASSUMED_ROWS_PER_PAGE = 50;
const WHOLE_TABLE = 'true';

const TABLES = `SELECT n.nspname AS schema, c.relname AS name,
    json_agg(json_build_array(a.attname, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
      CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END)) ORDER BY a.attnum)::text AS columns,
    c.relkind AS kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND (n.nspname || '.' || c.relname) LIKE $1
  GROUP BY n.nspname, c.relname, c.relkind ORDER BY 1, 2`;

const SIZES = `SELECT c.relkind AS kind, c.reltuples AS rows, c.relpages AS pages,
    pg_relation_size(c.oid) / current_setting('block_size')::bigint AS now_pages
  FROM pg_class c WHERE c.oid = $1::regclass`;

const POSITION = `SELECT pg_export_snapshot() AS id, current_setting('server_version_num') AS version,
    (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS lsn`;

/** The connector of PostgreSQL 10 and later. */
export const postgresConnector: SourceConnector = {
  capabilities: { maxParallelReads: MAX_PARALLEL_READS, ranges: 'pages' },
  shownUrl,
  async openSnapshot(url) {
    const owner = await PostgresReader.open(url);
    try {
      const [row] = await owner.rows(POSITION);
      return new PostgresSnapshot(url, owner, {
        id: row!.id!,
        position: row!.lsn ?? '',
        version: Number(row!.version),
      });
    } catch (error) {
      await owner.close();
      throw error;
    }
  },
};

class PostgresSnapshot implements SourceSnapshot {
  readonly position: string;
  readonly lost: Promise<never>;
  readonly #url: Secret;
  readonly #owner: PostgresReader;
  readonly #id: string;
  readonly #version: number;
  /** Connections in the snapshot that wait for work. */
  readonly #idle: PostgresReader[] = [];
  readonly #all = new Set<PostgresReader>();

  constructor(url: Secret, owner: PostgresReader, facts: { id: string; position: string; version: number }) {
    this.#url = url;
    this.#owner = owner;
    this.#id = facts.id;
    this.#version = facts.version;
    this.position = facts.position;
    this.lost = owner.lost;
    this.#all.add(owner);
  }

  async tables(patterns: readonly string[]): Promise<readonly SourceTable[]> {
    const found = new Map<string, SourceTable>();
    for (const pattern of patterns) {
      // Only `%` is a wildcard here; LIKE's `_` would be one as well.
      const rows = await this.#owner.rows(TABLES, [pattern.replace(/[\\_]/g, '\\$&')]);
      if (rows.length === 0) throw await this.#noTable(pattern);
      for (const row of rows) found.set(`${row.schema}.${row.name}`, tableOf(row));
    }
    return [...found.values()];
  }

  async ranges(table: SourceTable, rowsPerRange: number): Promise<readonly SourceRange[]> {
    const [size] = await this.#owner.rows(SIZES, [nameOf(table)]);
    if (!['r', 'm'].includes(size!.kind!) || this.#version < TID_RANGE_SCAN_VERSION) return [WHOLE_TABLE];
    const known = Number(size!.rows) > 0 && Number(size!.pages) > 0;
    const rowsPerPage = known ? Number(size!.rows) / Number(size!.pages) : ASSUMED_ROWS_PER_PAGE;
    const pagesPerRange = Math.max(1, Math.ceil(rowsPerRange / Math.max(rowsPerPage, 0.01)));
    const count = Math.max(1, Math.ceil(Number(size!.now_pages) / pagesPerRange));
    return Array.from({ length: count }, (_, i) => {
      const from = `ctid >= '(${i * pagesPerRange},0)'::tid`;
      return i === count - 1 ? from : `${from} AND ctid < '(${(i + 1) * pagesPerRange},0)'::tid`;
    });
  }

  async copy(table: SourceTable, range: SourceRange, signal: AbortSignal) {
    const reader = await this.#take();
    const columns = table.columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ');
    const copy = reader.copy(`SELECT ${columns} FROM ${nameOf(table)} WHERE ${range}`, signal);
    return {
      bytes: copy.bytes,
      rows: async () => {
        const rows = await copy.rows();
        this.#idle.push(reader);
        return rows;
      },
    };
  }

  async count(table: SourceTable): Promise<number> {
    const reader = await this.#take();
    const [row] = await reader.rows(`SELECT count(*) AS rows FROM ${nameOf(table)}`);
    this.#idle.push(reader);
    return Number(row!.rows);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((reader) => reader.close()));
  }

  async #take(): Promise<PostgresReader> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const reader = await PostgresReader.open(this.#url, this.#id);
    this.#all.add(reader);
    return reader;
  }

  async #noTable(pattern: string): Promise<LochError> {
    const rows = await this.#owner.rows(TABLES, ['%']);
    const some = rows.slice(0, 20).map((row) => `${row.schema}.${row.name}`);
    return new LochError(
      'not_found',
      `No table of the source matches \`${pattern}\`. ${some.length === 0 ? 'It has none.' : `It has: ${some.join(', ')}${rows.length > 20 ? ' …' : ''}.`}`,
      { context: { pattern } },
    );
  }
}

function nameOf(table: SourceTable): string {
  return `${pg.escapeIdentifier(table.schema)}.${pg.escapeIdentifier(table.name)}`;
}

function tableOf(row: Record<string, string | null>): SourceTable {
  const columns = JSON.parse(row.columns!) as [string, string][];
  const name = `${row.schema}.${row.name}`;
  const notices: Record<string, string> = {
    v: `${name} is a view: it is read in one piece.`,
    p: `${name} is partitioned: its partitions are read as one table, in one piece.`,
    f: `${name} is a foreign table: it is read in one piece, as its server shows it.`,
  };
  const notice = notices[row.kind!];
  return {
    schema: row.schema!,
    name: row.name!,
    columns: columns.map(([column, sourceType]) => ({ name: column, sourceType, type: hiveTypeOf(sourceType) })),
    ...(notice === undefined ? {} : { notice }),
  };
}
