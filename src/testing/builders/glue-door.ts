import { GlueClient } from '@aws-sdk/client-glue';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { ConnectionProbe } from '../../catalog/contract.ts';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';
import { systemClock } from '../../core/clock.ts';
import { glueService } from '../../doors/aws/glue/service.ts';
import { createSealer } from '../../platform/sealer.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { openGovernedAwsDoor } from './governed-aws-door.ts';
import { testObjects } from './test-catalog.ts';
import { TEST_ACCOUNT } from './request-context.ts';

/** The Glue door over real governance, a real store and objects in memory (bucket `lake`), with a client of root. */
export async function openGlueDoor(options: { readonly probe?: ConnectionProbe } = {}) {
  const files = await testObjects(['lake']);
  const { objects } = files;
  let opened: Awaited<ReturnType<typeof openCatalog>> | undefined;
  const door = await openGovernedAwsDoor({
    accountId: TEST_ACCOUNT,
    modules: catalogStoreModules,
    async open({ store, governance: { policy, identities, resourcePolicies } }) {
      opened = await openCatalog({
        store,
        objects,
        tables: createTableFormat({ objects, clock: systemClock }),
        policy,
        identities,
        clock: systemClock,
        resourcePolicies,
        sealer: createSealer(Buffer.alloc(32, 7)),
        accountId: TEST_ACCOUNT,
        region: 'us-east-1',
        ...options,
      });
      return { ...opened, services: [glueService(opened)] };
    },
  });
  const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
    new GlueClient({ region: 'us-east-1', endpoint: door.endpoint, credentials, maxAttempts: 1 });
  const iam = new IAMClient({ region: 'us-east-1', endpoint: door.endpoint, credentials: door.rootKey });
  return {
    door,
    files,
    catalog: opened!.catalog,
    glue: clientOf(door.rootKey),
    /** A client of a new user with one policy statement. */
    async user(UserName: string, statement: object) {
      await iam.send(new CreateUserCommand({ UserName }));
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
      return clientOf({ accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! });
    },
    async close() {
      await door.close();
      await files.close();
    },
  };
}

/** What a promise fails with; an error `resolved` when it does not. */
export const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('resolved'),
    (error: Error) => error,
  );
