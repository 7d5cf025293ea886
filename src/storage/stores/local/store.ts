import { defineStoreModule } from '../../../metadata/contract.ts';
import { bucketProcedures } from './bucket-procedures.ts';
import { listProcedures } from './list-procedure.ts';
import { objectMigrations } from './migrations.ts';
import { objectProcedures } from './object-procedures.ts';
import { scrubProcedures } from './scrub-procedures.ts';
import { sweepProcedures } from './sweep-procedures.ts';
import { tierProcedures } from './tier-procedures.ts';
import { uploadProcedures } from './upload-procedures.ts';

/** Buckets, current versions, multipart uploads, and the versions whose bytes wait to be removed. */
const objectStoreModule = defineStoreModule('storageObjects', {
  migrations: objectMigrations,
  procedures: {
    ...bucketProcedures,
    ...objectProcedures,
    ...listProcedures,
    ...uploadProcedures,
    ...sweepProcedures,
    ...tierProcedures,
    ...scrubProcedures,
  },
});

export default objectStoreModule;
