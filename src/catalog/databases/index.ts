import type { TableDirectory } from '../../governance/contract.ts';
import type { Catalog, IcebergCatalog } from '../contract.ts';
import { droppedTables, restoreTable } from './bin.ts';
import { createPartitions, deletePartitions, updatePartition } from './change-partitions.ts';
import { createDatabase } from './create-database.ts';
import { createTable } from './create-table.ts';
import { deleteDatabase } from './delete-database.ts';
import { deleteTable } from './delete-table.ts';
import { functionUseCases } from './functions.ts';
import { getDatabase } from './get-database.ts';
import { getTable } from './get-table.ts';
import { listDatabases } from './list-databases.ts';
import { getPartition, listPartitions } from './list-partitions.ts';
import { listTables } from './list-tables.ts';
import type { CatalogParts } from './parts.ts';
import { partitionIndexUseCases } from './partition-indexes.ts';
import { planTableScan } from './plan-table-scan.ts';
import { resolveTable } from './resolve-table.ts';
import { diffTableVersions, restoreTableVersion } from './table-history.ts';
import { searchRecords, searchTables } from './search-tables.ts';
import { statisticsUseCases } from './statistics.ts';
import databaseStore from './store.ts';
import { deleteTableVersions, tableVersions } from './table-versions.ts';
import { updateDatabase } from './update-database.ts';
import { updateTable } from './update-table.ts';

/** What Iceberg's part of the catalog adds. */
export type IcebergOperations = Pick<
  Catalog,
  | keyof IcebergCatalog
  | 'createIcebergTable'
  | 'draftIcebergTable'
  | 'openForEngine'
  | 'commitUpdates'
  | 'commitTable'
  | 'evolveSchema'
  | 'snapshots'
  | 'rollbackTable'
  | 'expireSnapshots'
  | 'removeOrphanFiles'
  | 'compactTable'
  | 'rewriteManifests'
>;

/** The use-cases of databases, tables and partitions. */
export function databaseUseCases(parts: CatalogParts): Omit<Catalog, keyof IcebergOperations> {
  const addPartitions = createPartitions(parts);
  const removePartitions = deletePartitions(parts);
  const create = createTable(parts);
  const update = updateTable(parts);
  return {
    createDatabase: createDatabase(parts),
    updateDatabase: updateDatabase(parts),
    deleteDatabase: deleteDatabase(parts),
    getDatabase: getDatabase(parts),
    listDatabases: listDatabases(parts),
    createTable: (context, database, input, options) => create(context, database, input, [], options),
    updateTable: (context, database, input, options) => update(context, database, input, options),
    deleteTable: deleteTable(parts),
    droppedTables: droppedTables(parts),
    restoreTable: restoreTable(parts),
    getTable: getTable(parts),
    listTables: listTables(parts),
    tableVersions: tableVersions(parts),
    deleteTableVersions: deleteTableVersions(parts),
    diffTableVersions: diffTableVersions(parts),
    restoreTableVersion: restoreTableVersion(parts),
    search: searchTables(parts),
    searchRecords: searchRecords(parts),
    createPartitions: async (context, name, partitions, options) => {
      await addPartitions(context, name, partitions, options);
    },
    updatePartition: updatePartition(parts),
    deletePartition: (context, name, values) => removePartitions(context, name, [values]),
    getPartition: getPartition(parts),
    listPartitions: listPartitions(parts),
    resolveTable: resolveTable(parts),
    planTableScan: planTableScan(parts),
    ...partitionIndexUseCases(parts),
    ...statisticsUseCases(parts),
    ...functionUseCases(parts),
  };
}

/** What governance asks of the catalog: no policy, it is asked by policy. */
export function tableDirectory(parts: Pick<CatalogParts, 'store' | 'names'>): TableDirectory {
  return {
    async tableColumns(name) {
      const record = await parts.store.read(databaseStore.procedures.table, {
        database: name.database.toLowerCase(),
        name: name.table.toLowerCase(),
      });
      return record === undefined ? undefined : [...record.columns, ...record.partitionKeys];
    },
    databaseExists: async (database) => parts.names.hasDatabase(database.toLowerCase()),
    tableAt: async (bucket, key) => parts.names.tableAt(bucket, key),
  };
}
