import { defineStoreModule } from '../../metadata/contract.ts';
import { databaseProcedures } from './database-procedures.ts';
import { databaseMigrations } from './migrations.ts';
import { partitionProcedures } from './partition-procedures.ts';
import { tableProcedures } from './table-procedures.ts';

/** Databases, tables with their versions and bin, partitions, and the commits of runs. */
const databaseStore = defineStoreModule('catalogDatabases', {
  migrations: databaseMigrations,
  procedures: { ...databaseProcedures, ...tableProcedures, ...partitionProcedures },
});

export default databaseStore;
