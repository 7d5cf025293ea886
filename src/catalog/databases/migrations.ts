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
  {
    number: 2,
    name: 'partition indexes, partitions of the past',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_partition_index (
         table_id TEXT NOT NULL, name TEXT NOT NULL, index_keys TEXT NOT NULL, state TEXT NOT NULL, progress BLOB,
         created_at BIGINT NOT NULL, PRIMARY KEY (table_id, name))`,
      `CREATE INDEX IF NOT EXISTS catalog_partition_index_work ON catalog_partition_index (state) WHERE state <> 'ACTIVE'`,
      `CREATE TABLE IF NOT EXISTS catalog_partition_entry (
         table_id TEXT NOT NULL, index_name TEXT NOT NULL, ordering BLOB NOT NULL, partition BLOB NOT NULL,
         PRIMARY KEY (table_id, index_name, ordering, partition))`,
      `CREATE TABLE IF NOT EXISTS catalog_partition_past (
         table_id TEXT NOT NULL, ordering BLOB NOT NULL, until BIGINT NOT NULL, partition_values TEXT NOT NULL,
         location TEXT NOT NULL, detail TEXT NOT NULL, created_at BIGINT NOT NULL,
         PRIMARY KEY (table_id, ordering, until))`,
      `CREATE INDEX IF NOT EXISTS catalog_partition_past_until ON catalog_partition_past (until)`,
    ],
  },
  {
    number: 3,
    name: 'statistics of columns, functions',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_column_statistics (
         table_id TEXT NOT NULL, partition BLOB NOT NULL, column_name TEXT NOT NULL, detail TEXT NOT NULL,
         PRIMARY KEY (table_id, partition, column_name))`,
      `CREATE TABLE IF NOT EXISTS catalog_function (
         database TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, created_at BIGINT NOT NULL,
         PRIMARY KEY (database, name))`,
    ],
  },
  {
    number: 4,
    name: 'the door of each version',
    statements: [
      'ALTER TABLE catalog_table ADD COLUMN updated_door TEXT',
      'ALTER TABLE catalog_table_version ADD COLUMN updated_door TEXT',
    ],
  },
];
