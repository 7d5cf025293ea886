import type {
  DeleteResourcePolicyRequest,
  GetCatalogImportStatusRequest,
  GetCatalogImportStatusResponse,
  GetCatalogRequest,
  GetCatalogResponse,
  GetCatalogsRequest,
  GetCatalogsResponse,
  GetDataCatalogEncryptionSettingsRequest,
  GetDataCatalogEncryptionSettingsResponse,
  GetResourcePoliciesResponse,
  GetResourcePolicyRequest,
  GetResourcePolicyResponse,
  Catalog as GlueCatalog,
  ImportCatalogToGlueRequest,
  PutDataCatalogEncryptionSettingsRequest,
  PutResourcePolicyRequest,
  PutResourcePolicyResponse,
} from '@aws-sdk/client-glue';
import type { CatalogPolicy, CatalogSettings } from '../../../catalog/contract.ts';
import { glueArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkCatalog } from './pages.ts';

const fromPolicy = (policy: CatalogPolicy) => ({
  PolicyInJson: policy.document,
  PolicyHash: policy.hash,
  CreateTime: new Date(policy.createdAt),
  UpdateTime: new Date(policy.updatedAt),
});

/** **Errors**: `not_found` for another resource than the catalog: policies of single resources are not kept. */
function checkPolicyResource(context: RequestContext, arn: string | undefined): void {
  if (arn === undefined || arn === glueArn(context.region, context.accountId, 'catalog')) return;
  throw new LochError(
    'unsupported',
    `\`${arn}\` cannot have a policy of its own. The catalog can: ${glueArn(context.region, context.accountId, 'catalog')}.`,
  );
}

/** The one catalog of an account, which bears its id. */
const theCatalog = (context: RequestContext): GlueCatalog => ({
  CatalogId: context.accountId,
  Name: context.accountId,
  ResourceArn: glueArn(context.region, context.accountId, 'catalog'),
});

function putEncryption(context: RequestContext, input: PutDataCatalogEncryptionSettingsRequest) {
  checkCatalog(context, input.CatalogId);
  const { EncryptionAtRest, ConnectionPasswordEncryption } = input.DataCatalogEncryptionSettings!;
  if (EncryptionAtRest !== undefined && EncryptionAtRest.CatalogEncryptionMode !== 'DISABLED') {
    throw new LochError(
      'unsupported',
      `Encryption of the catalog at rest (\`${EncryptionAtRest.CatalogEncryptionMode}\`) is not supported; connections are sealed anyway. Put the data directory on an encrypted volume.`,
    );
  }
  if (ConnectionPasswordEncryption?.ReturnConnectionPasswordEncrypted === true) {
    throw new LochError(
      'unsupported',
      '`ReturnConnectionPasswordEncrypted` is not supported: ask for connections with `HidePassword`.',
    );
  }
  return {};
}

/** Operations on the catalog as a whole. */
export function settingsOperations(settings: CatalogSettings): Record<string, OperationSpec> {
  return {
    PutResourcePolicy: {
      partial: 'of the catalog alone; callers of other accounts have no catalog here yet, whatever it allows them',
      async run(context: RequestContext, input: PutResourcePolicyRequest): Promise<PutResourcePolicyResponse> {
        checkPolicyResource(context, input.ResourceArn);
        const policy = await settings.putPolicy(context, {
          document: input.PolicyInJson!,
          ...(input.PolicyHashCondition === undefined ? {} : { expectedHash: input.PolicyHashCondition }),
          ...(input.PolicyExistsCondition === undefined ? {} : { exists: input.PolicyExistsCondition }),
        });
        return { PolicyHash: policy.hash };
      },
    },
    GetResourcePolicy: {
      readOnly: true,
      async run(context: RequestContext, input: GetResourcePolicyRequest): Promise<GetResourcePolicyResponse> {
        checkPolicyResource(context, input.ResourceArn);
        return fromPolicy(await settings.policy(context));
      },
    },
    GetResourcePolicies: {
      readOnly: true,
      async run(context: RequestContext): Promise<GetResourcePoliciesResponse> {
        return { GetResourcePoliciesResponseList: (await settings.policies(context)).map(fromPolicy) };
      },
    },
    DeleteResourcePolicy: {
      async run(context: RequestContext, input: DeleteResourcePolicyRequest) {
        checkPolicyResource(context, input.ResourceArn);
        await settings.deletePolicy(context, input.PolicyHashCondition);
        return {};
      },
    },
    GetDataCatalogEncryptionSettings: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: GetDataCatalogEncryptionSettingsRequest,
      ): Promise<GetDataCatalogEncryptionSettingsResponse> {
        checkCatalog(context, input.CatalogId);
        await settings.authorize(context, 'GetDataCatalogEncryptionSettings');
        return {
          DataCatalogEncryptionSettings: {
            EncryptionAtRest: { CatalogEncryptionMode: 'DISABLED' },
            ConnectionPasswordEncryption: { ReturnConnectionPasswordEncrypted: false },
          },
        };
      },
    },
    PutDataCatalogEncryptionSettings: {
      partial: 'DISABLED alone: encryption under a key of KMS is refused by name',
      async run(context: RequestContext, input: PutDataCatalogEncryptionSettingsRequest) {
        await settings.authorize(context, 'PutDataCatalogEncryptionSettings');
        return putEncryption(context, input);
      },
    },
    GetCatalog: {
      readOnly: true,
      partial: 'the one catalog of the account',
      async run(context: RequestContext, input: GetCatalogRequest): Promise<GetCatalogResponse> {
        checkCatalog(context, input.CatalogId);
        await settings.authorize(context, 'GetCatalog');
        return { Catalog: theCatalog(context) };
      },
    },
    GetCatalogs: {
      readOnly: true,
      partial: 'the one catalog of the account, where IncludeRoot asks for it; there are none below',
      async run(context: RequestContext, input: GetCatalogsRequest): Promise<GetCatalogsResponse> {
        checkCatalog(context, input.ParentCatalogId);
        await settings.authorize(context, 'GetCatalogs');
        return { CatalogList: input.IncludeRoot === true ? [theCatalog(context)] : [] };
      },
    },
    GetCatalogImportStatus: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: GetCatalogImportStatusRequest,
      ): Promise<GetCatalogImportStatusResponse> {
        checkCatalog(context, input.CatalogId);
        const status = await settings.importStatus(context);
        return {
          ImportStatus: {
            ImportCompleted: true,
            ...(status === undefined ? {} : { ImportTime: new Date(status.at), ImportedBy: status.by }),
          },
        };
      },
    },
    ImportCatalogToGlue: {
      partial: 'Athena has no catalog of its own here, so there is nothing to take over; who asked is noted',
      async run(context: RequestContext, input: ImportCatalogToGlueRequest) {
        checkCatalog(context, input.CatalogId);
        await settings.noteImport(context);
        return {};
      },
    },
  };
}
