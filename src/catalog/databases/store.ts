import { defineStoreModule } from '../../metadata/contract.ts';
import { databaseProcedures } from './database-procedures.ts';
import { functionProcedures } from './function-procedures.ts';
import { databaseMigrations } from './migrations.ts';
import { partitionIndexProcedures } from './partition-index-procedures.ts';
import { partitionProcedures } from './partition-procedures.ts';
import { schemaProcedures } from './schema-procedures.ts';
import { searchProcedures } from './search-procedures.ts';
import { statisticsProcedures } from './statistics-procedures.ts';
import { tableProcedures } from './table-procedures.ts';

/** Databases with their functions, tables with their versions, statistics and bin, partitions, and the commits of runs. */
const databaseStore = defineStoreModule('catalogDatabases', {
  migrations: databaseMigrations,
  procedures: {
    ...databaseProcedures,
    ...tableProcedures,
    ...partitionProcedures,
    ...partitionIndexProcedures,
    ...statisticsProcedures,
    ...functionProcedures,
    ...schemaProcedures,
    ...searchProcedures,
  },
});

export default databaseStore;
