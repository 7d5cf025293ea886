/**
 * Encryption of objects at rest, as writers ask for it and stores carry it out.
 *
 * Call rules
 * - A writer says `encryption`, or nothing: then the bucket's default decides. Above the encrypting store nobody sees a data key.
 * - Below it, a store that is given `dataKey` encrypts the body of a write whose `attributes` have `encryption`, and of a
 *   read, of a part or of a copy whose version or upload has it; it asks once for each. Sizes, ranges, checksums and MD5s
 *   are always those of the plain bytes; the ETag of what is not AES256 is no MD5.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { ObjectName } from '../contract.ts';
import type { ObjectEncryption } from '../versions.ts';

/** How a body shall be encrypted. */
export type EncryptionRequest =
  | { readonly algorithm: 'AES256' }
  | {
      readonly algorithm: 'aws:kms';
      /** Id, ARN or alias; the lake's own key for S3 when absent. */
      readonly key?: string;
      readonly context?: Readonly<Record<string, string>>;
      /** One data key for many objects of the bucket: fewer uses of the KMS key. */
      readonly bucketKey?: boolean;
    }
  /** A key the caller keeps: used and forgotten. **Units**: 32 bytes. */
  | { readonly algorithm: 'customer'; readonly key: Uint8Array };

/** The data key of what `record` describes, of the object or upload at `name`. **Units**: 32 bytes. */
export type DataKeyOf = (record: ObjectEncryption, name: ObjectName) => Promise<Uint8Array>;

/** What a write may say of encryption. */
export interface EncryptionOptions {
  /** On `put`, `copy`, `createUpload`: how; on `putPart`: the customer's key again. */
  readonly encryption?: EncryptionRequest;
  /** Whose request uses keys; the lake's owner when absent. Use-cases set it. */
  readonly caller?: RequestContext;
  /** From the encrypting store to the store below. */
  readonly dataKey?: DataKeyOf;
}

/** What a read may say of encryption. */
export interface DecryptionOptions extends Pick<EncryptionOptions, 'caller' | 'dataKey'> {
  /** For a version that was encrypted under a key the customer keeps. */
  readonly customerKey?: Uint8Array;
  /** Of a head: it is for what is told without a customer's key, as tags and locks are. */
  readonly keyNotNeeded?: boolean;
}

/** What of a bucket is encrypted under a key. **Units**: versions, also older ones; bytes of them. */
export interface BucketUnderKey {
  readonly bucket: string;
  readonly versions: number;
  readonly bytes: number;
  /** Versions were left unread: the figures are the least it can be. */
  readonly cut: boolean;
  /** New objects of the bucket are encrypted under the key unless they say otherwise. */
  readonly isDefault: boolean;
}

/** What could no more be read if a key were gone. */
export interface KeyImpact {
  readonly keyArn: string;
  /** Buckets that have something under the key, that were cut, or whose default it is. */
  readonly buckets: readonly BucketUnderKey[];
  /** Buckets that the caller may not list the versions of: nothing is known of them. */
  readonly hidden: number;
}

/** Tells what is encrypted under a key, by bucket. */
export type ExplainKeyImpact = (context: RequestContext, key: string) => Promise<KeyImpact>;
