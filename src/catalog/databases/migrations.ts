import type { Migration } from '../../metadata/contract.ts';

export const databaseMigrations: readonly Migration[] = [
  {
    number: 1,
    name: 'databases, tables, versions, partitions, commits',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_database (
         name TEXT PRIMARY KEY, account_id TEXT NOT NULL, record TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS catalog_table (
         id TEXT PRIMARY KEY, database TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL,
         definition TEXT NOT NULL, metadata_location TEXT, previous_metadata_location TEXT,
         created_at BIGINT NOT NULL, created_by TEXT NOT NULL, updated_at BIGINT NOT NULL, updated_by TEXT NOT NULL,
         dropped_at BIGINT, dropped_by TEXT, purge_at BIGINT)`,
      `CREATE UNIQUE INDEX IF NOT EXISTS catalog_table_name ON catalog_table (database, name) WHERE dropped_at IS NULL`,
      `CREATE INDEX IF NOT EXISTS catalog_table_purge ON catalog_table (purge_at) WHERE purge_at IS NOT NULL`,
      `CREATE TABLE IF NOT EXISTS catalog_table_version (
         table_id TEXT NOT NULL, version BIGINT NOT NULL, definition TEXT NOT NULL, metadata_location TEXT,
         updated_at BIGINT NOT NULL, updated_by TEXT NOT NULL, PRIMARY KEY (table_id, version))`,
      `CREATE TABLE IF NOT EXISTS catalog_partition (
         table_id TEXT NOT NULL, ordering BLOB NOT NULL, partition_values TEXT NOT NULL, location TEXT NOT NULL,
         outside BIGINT NOT NULL, detail TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (table_id, ordering))`,
      `CREATE INDEX IF NOT EXISTS catalog_partition_outside ON catalog_partition (table_id) WHERE outside = 1`,
      `CREATE TABLE IF NOT EXISTS catalog_commit (
         table_id TEXT NOT NULL, run_id TEXT NOT NULL, snapshot_id TEXT NOT NULL, metadata_location TEXT NOT NULL,
         version BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (table_id, run_id))`,
    ],
  },
];
