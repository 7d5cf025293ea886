/**
 * Data keys for the stores of Loch.
 *
 * Invariants
 * - The lake's own key is a key like others, sealed under the master key, but no door reaches it: its policy denies all.
 * - A key of the key service is used in the name of the caller of the store; every use is authorized, every unwrap and
 *   every new data key recorded before it is handed out.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { rootPrincipal } from '../identity/principals.ts';
import { authorizeKey } from './authorize-key.ts';
import type { DataKeyRequest, DataKeys } from './contract.ts';
import { keyFailure, keyFailureName } from './contract.ts';
import { decryptSymmetric, readHeader } from './crypto/symmetric.ts';
import { type KeyDeps, procedures } from './key-deps.ts';
import { servicePolicy } from './key-policy.ts';
import type { KnownKey } from './key-ring.ts';
import { firstMaterial } from './manage/create-key.ts';
import { aliasIn } from './manage/lifecycle.ts';
import type { KeyRow } from './store/tables.ts';
import { assertUsage, encryptBy } from './use/encrypt.ts';
import { noteUse } from './use/note-use.ts';

const DATA_KEY_BYTES = 32;
const OWN_ALIAS = 'alias/loch/objects';
/** Of no account, so that no listing and no name reaches it. */
const OWN_ACCOUNT = '';
const CLOSED = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: '*' }],
});

/** The data keys over the key service. */
export function createDataKeys(deps: KeyDeps): DataKeys {
  let own: Promise<string> | undefined;

  const makeKey = async (account: string, alias: string, manager: string, policy: string, description: string) => {
    const row: KeyRow = {
      key_id: randomUUID(),
      account_id: account,
      spec: 'SYMMETRIC_DEFAULT',
      usage: 'ENCRYPT_DECRYPT',
      origin: 'AWS_KMS',
      manager,
      enabled: 1,
      description,
      policy,
      tags: '{}',
      created_at: deps.clock.now(),
      deletion_at: null,
      rotation_days: null,
      rotation_next: null,
    };
    return deps.store.write(procedures.createKey, { row, alias, material: await firstMaterial(deps, row) });
  };

  const ownKey = async (): Promise<KnownKey> => {
    own ??= makeKey(OWN_ACCOUNT, OWN_ALIAS, 'LOCH', CLOSED, 'Objects encrypted by the lake itself');
    own.catch(() => {
      own = undefined;
    });
    return (await deps.ring.byId(await own))!;
  };

  const find = async (
    context: RequestContext,
    request: DataKeyRequest & { readonly key: string },
  ): Promise<KnownKey> => {
    try {
      return await deps.ring.find(context, request.key);
    } catch (error) {
      const alias = `alias/aws/${request.service}`;
      if (aliasIn(request.key) !== alias || !isLochError(error, 'not_found')) throw error;
      const { accountId } = context;
      const policy = servicePolicy(accountId, deps.region, request.service);
      await makeKey(
        accountId,
        alias,
        'AWS',
        policy,
        `Default key that protects ${request.service} when no other is named`,
      );
      return deps.ring.find(context, request.key);
    }
  };

  const inOwnName = (): RequestContext => ({
    requestId: newId(),
    principal: rootPrincipal(deps.accountId),
    accountId: deps.accountId,
    region: deps.region,
    door: 'internal',
    sourceIp: '',
    userAgent: 'loch',
    secure: true,
    signal: new AbortController().signal,
    startedAt: deps.clock.now(),
  });

  const authorized = async (
    context: RequestContext,
    request: DataKeyRequest & { readonly key: string },
    operation: 'Decrypt' | 'GenerateDataKey',
  ): Promise<KnownKey> => {
    const key = await find(context, request);
    await authorizeKey(deps, context, key, {
      operation,
      via: request.service,
      encryptionContext: request.encryptionContext,
      alias: aliasIn(request.key),
    });
    assertUsage(key, 'ENCRYPT_DECRYPT', operation);
    if (key.info.spec !== 'SYMMETRIC_DEFAULT') {
      throw keyFailure(
        'InvalidKeyUsageException',
        `${key.info.arn} is ${key.info.spec}; objects are encrypted under symmetric keys.`,
      );
    }
    deps.ring.current(key);
    return key;
  };

  /** Records a use, or that it failed; a refusal was recorded by whoever refused. */
  const recorded = async <T>(
    context: RequestContext,
    eventName: string,
    request: DataKeyRequest,
    work: () => Promise<{ readonly key: KnownKey; readonly result: T }>,
  ): Promise<T> => {
    const event = {
      eventSource: 'kms.amazonaws.com',
      eventName,
      readOnly: true,
      requestParameters: { keyId: request.key, encryptionContext: request.encryptionContext ?? {} },
      additionalEventData: { viaService: `${request.service}.${deps.region}.amazonaws.com` },
    };
    try {
      const { key, result } = await work();
      const resources = [{ type: 'AWS::KMS::Key', name: key.info.arn }];
      await deps.audit.recordManagement(context, { ...event, resources });
      return result;
    } catch (error) {
      const failure = toLochError(error);
      if (failure.code !== 'access_denied') {
        const errorCode = keyFailureName(failure) ?? failure.code;
        await deps.audit.recordManagement(context, { ...event, errorCode, errorMessage: failure.message });
      }
      throw failure;
    }
  };

  return {
    async newDataKey(caller, request) {
      const plain = request.reuse ?? randomBytes(DATA_KEY_BYTES);
      const { encryptionContext, key: name } = request;
      if (name === undefined) {
        const { ciphertext } = encryptBy(deps, await ownKey(), plain, encryptionContext, undefined, 'GenerateDataKey');
        return { plain, wrapped: ciphertext };
      }
      const context = caller ?? inOwnName();
      return recorded(context, 'GenerateDataKey', request, async () => {
        const key = await authorized(context, { ...request, key: name }, 'GenerateDataKey');
        const { ciphertext } = encryptBy(deps, key, plain, encryptionContext, undefined, 'GenerateDataKey');
        return { key, result: { plain, wrapped: ciphertext, keyArn: key.info.arn } };
      });
    },

    async openDataKey(caller, request) {
      const { wrapped, encryptionContext, key: name } = request;
      const open = (key: KnownKey): Uint8Array => {
        const header = readHeader(wrapped);
        const material = header.keyId === key.info.keyId ? deps.ring.material(key, header.materialId) : undefined;
        if (material === undefined)
          throw keyFailure('InvalidCiphertextException', 'The data key is wrapped by another key.');
        return decryptSymmetric(material, wrapped, encryptionContext);
      };
      if (name === undefined) return open(await ownKey());
      const context = caller ?? inOwnName();
      return recorded(context, 'Decrypt', request, async () => {
        const key = await authorized(context, { ...request, key: name }, 'Decrypt');
        const result = open(key);
        noteUse(deps, key, 'Decrypt');
        return { key, result };
      });
    },

    async assertUsable(caller, request) {
      const key = await authorized(caller ?? inOwnName(), request, request.operation);
      return key.info.arn;
    },
  };
}
