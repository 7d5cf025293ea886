/** Users, groups, roles, keys and policies at rest. Secrets of keys are sealed before they come here. */
import { defineStoreModule } from '../../metadata/contract.ts';
import { accountProcedures } from './store/accounts.ts';
import { accessKeyProcedures } from './store/access-keys.ts';
import { attachmentProcedures } from './store/attachments.ts';
import { entityProcedures } from './store/entities.ts';
import { policyProcedures } from './store/policies.ts';
import { identityMigrations } from './store/tables.ts';

export default defineStoreModule('identity', {
  migrations: identityMigrations,
  procedures: {
    ...accountProcedures,
    ...entityProcedures,
    ...accessKeyProcedures,
    ...policyProcedures,
    ...attachmentProcedures,
  },
});
