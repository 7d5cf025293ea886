/**
 * Data keys of objects: made for a write, opened for a read.
 *
 * Invariants
 * - An envelope is bound to the object it is of (`aws:s3:arn`), so that it opens nothing when put beside another.
 * - A bucket key stays in memory for five minutes at most, and is used only after the KMS key was found usable by the
 *   caller; a disabled key stops reads at once. What was not in memory is a use of the KMS key, and on record.
 */
import { hash, randomBytes } from 'node:crypto';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { s3Arn } from '../../core/arn.ts';
import type { DataKeys } from '../../governance/contract.ts';
import type { ObjectName } from '../contract.ts';
import type { ObjectEncryption } from '../versions.ts';
import type { EncryptionRequest } from './contract.ts';
import { formatEnvelope, parseEnvelope, unwrapKey, wrapKey } from './envelope.ts';

const SERVICE = 's3';
const OWN_KEY = 'alias/aws/s3';
const KEPT_MS = 300_000;
const CAPACITY = 1_000;

/** How a version will be encrypted, and its data key. */
export interface NewEncryption {
  readonly record: ObjectEncryption;
  readonly key: Uint8Array;
}

interface BucketKey {
  readonly plain: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly keyArn: string;
  readonly until: number;
}

export interface DataKeyEnvelopes {
  /** A data key for a new version, or an envelope of its own for one there is. */
  seal(
    name: ObjectName,
    request: EncryptionRequest,
    caller?: RequestContext,
    reuse?: Uint8Array,
  ): Promise<NewEncryption>;
  /**
   * The data key of a version. **Errors**: `missing_argument` for a customer's key that is not given, or given for
   * nothing; `access_denied` for a wrong one; those of `DataKeys`; `data_corrupt`.
   */
  open(
    name: ObjectName,
    record: ObjectEncryption,
    caller?: RequestContext,
    customerKey?: Uint8Array,
  ): Promise<Uint8Array>;
}

/** The data keys of objects over the keys of the lake. */
export function createEnvelopes(deps: { readonly dataKeys: DataKeys; readonly clock: Clock }): DataKeyEnvelopes {
  const { dataKeys, clock } = deps;
  /** Of writes by bucket and KMS key, of reads by the wrapped bucket key. */
  const bucketKeys = new Map<string, BucketKey>();

  const kept = (name: string): BucketKey | undefined => {
    const found = bucketKeys.get(name);
    if (found === undefined || found.until > clock.now()) return found;
    bucketKeys.delete(name);
    return undefined;
  };
  const keep = (name: string, key: Omit<BucketKey, 'until'>): BucketKey => {
    if (bucketKeys.size >= CAPACITY) bucketKeys.delete(bucketKeys.keys().next().value as string);
    const entry = { ...key, until: clock.now() + KEPT_MS };
    bucketKeys.set(name, entry);
    return entry;
  };

  const bucketContext = (bucket: string) => ({ 'aws:s3:arn': s3Arn(bucket) });

  /** The bucket key of now, for writes. */
  const currentBucketKey = async (
    bucket: string,
    key: string,
    caller: RequestContext | undefined,
  ): Promise<BucketKey> => {
    const request = { service: SERVICE, key, encryptionContext: bucketContext(bucket) };
    const found = kept(`${bucket} ${key}`);
    if (found !== undefined) {
      const keyArn = await dataKeys.assertUsable(caller, { ...request, operation: 'GenerateDataKey' });
      if (keyArn === found.keyArn) return found; // an alias may name another key by now
    }
    const made = await dataKeys.newDataKey(caller, request);
    return keep(`${bucket} ${key}`, { plain: made.plain, wrapped: made.wrapped, keyArn: made.keyArn! });
  };

  const openBucketKey = async (bucket: string, keyArn: string, wrapped: Buffer, caller: RequestContext | undefined) => {
    const request = { service: SERVICE, key: keyArn, encryptionContext: bucketContext(bucket) };
    const name = hash('sha256', wrapped);
    const found = kept(name);
    if (found !== undefined) {
      await dataKeys.assertUsable(caller, { ...request, operation: 'Decrypt' });
      return found.plain;
    }
    const plain = await dataKeys.openDataKey(caller, { ...request, wrapped });
    return keep(name, { plain, wrapped, keyArn }).plain;
  };

  return {
    async seal(name, request, caller, reuse) {
      const arn = s3Arn(name.bucket, name.key);
      if (request.algorithm === 'customer') {
        const key = reuse ?? randomBytes(32);
        const wrapped = wrapKey(request.key, key, arn);
        return { key, record: { algorithm: 'customer', envelope: formatEnvelope({ wrapped }) } };
      }
      if (request.algorithm === 'AES256') {
        const encryptionContext = { 'aws:s3:arn': arn };
        const made = await dataKeys.newDataKey(undefined, { service: SERVICE, encryptionContext, ...reused(reuse) });
        const envelope = formatEnvelope({ wrapped: Buffer.from(made.wrapped) });
        return { key: made.plain, record: { algorithm: 'AES256', envelope } };
      }
      const { key: kmsKey = OWN_KEY, context } = request;
      if (request.bucketKey === true) {
        const bucketKey = await currentBucketKey(name.bucket, kmsKey, caller);
        const key = reuse ?? randomBytes(32);
        const envelope = { wrapped: wrapKey(bucketKey.plain, key, arn), bucketKey: Buffer.from(bucketKey.wrapped) };
        const record = { algorithm: 'aws:kms', keyId: bucketKey.keyArn, bucketKey: true } as const;
        return { key, record: { ...record, envelope: formatEnvelope({ ...envelope, ...(context && { context }) }) } };
      }
      const encryptionContext = { ...context, 'aws:s3:arn': arn };
      const made = await dataKeys.newDataKey(caller, {
        service: SERVICE,
        key: kmsKey,
        encryptionContext,
        ...reused(reuse),
      });
      const envelope = formatEnvelope({ wrapped: Buffer.from(made.wrapped), ...(context && { context }) });
      return { key: made.plain, record: { algorithm: 'aws:kms', keyId: made.keyArn!, envelope } };
    },

    async open(name, record, caller, customerKey) {
      const arn = s3Arn(name.bucket, name.key);
      const { wrapped, bucketKey, context } = parseEnvelope(record.envelope);
      if (record.algorithm === 'customer') {
        if (customerKey === undefined) throw customerKeyMissing(name);
        const key = unwrapKey(customerKey, wrapped, arn);
        if (key !== undefined) return key;
        throw new LochError(
          'access_denied',
          `The key given is not the one that s3://${name.bucket}/${name.key} was encrypted with.`,
        );
      }
      if (customerKey !== undefined) throw customerKeyInVain(name);
      if (bucketKey !== undefined) {
        const wrapping = await openBucketKey(name.bucket, record.keyId!, bucketKey, caller);
        const key = unwrapKey(wrapping, wrapped, arn);
        if (key !== undefined) return key;
        throw new LochError('data_corrupt', `The data key of ${arn} does not open: its bytes were changed.`);
      }
      const encryptionContext = { ...context, 'aws:s3:arn': arn };
      const key = record.keyId === undefined ? {} : { key: record.keyId };
      return dataKeys.openDataKey(caller, { service: SERVICE, wrapped, encryptionContext, ...key });
    },
  };
}

const reused = (reuse: Uint8Array | undefined) => (reuse === undefined ? {} : { reuse });

/** The failure of a request without the key the object was encrypted with. */
export const customerKeyMissing = ({ bucket, key }: ObjectName): LochError =>
  new LochError(
    'missing_argument',
    `s3://${bucket}/${key} was stored with a key that its owner keeps. The correct parameters must be provided: the SSE-C headers with that key.`,
  );

/** The failure of a request with a key for what was not encrypted with one. */
export const customerKeyInVain = ({ bucket, key }: ObjectName): LochError =>
  new LochError(
    'missing_argument',
    `The encryption parameters are not applicable to s3://${bucket}/${key}: it was not stored with a key of the customer.`,
  );
