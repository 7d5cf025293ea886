/**
 * Keys: what AWS KMS does, for people and for Loch itself.
 *
 * Call rules
 * - Every use and every change names a key by id, ARN, alias name or alias ARN, and is authorized by the key's own
 *   policy, the caller's IAM policies and the key's grants together; an explicit deny wins.
 * - Key material never leaves governance, but for data keys, which are made to leave. It is at rest only sealed under the
 *   master key of the data directory.
 * - Failures carry KMS's own name of them in `context.kms` (`keyFailureName`), so that every door can say it in its form.
 */
import type { RequestContext } from '../../core/caller.ts';
import { type ErrorCode, type ErrorContext, LochError } from '../../core/errors.ts';

/** KMS's names of the failures that are its own. **Source**: AWS KMS API Reference, "Common Errors" and each operation. */
export type KeyFailureName =
  | 'AlreadyExistsException'
  | 'ConflictException'
  | 'DisabledException'
  | 'DryRunOperationException'
  | 'ExpiredImportTokenException'
  | 'IncorrectKeyException'
  | 'IncorrectKeyMaterialException'
  | 'InvalidAliasNameException'
  | 'InvalidArnException'
  | 'InvalidCiphertextException'
  | 'InvalidGrantIdException'
  | 'InvalidGrantTokenException'
  | 'InvalidImportTokenException'
  | 'InvalidKeyUsageException'
  | 'InvalidMarkerException'
  | 'KMSInvalidMacException'
  | 'KMSInvalidSignatureException'
  | 'KMSInvalidStateException'
  | 'LimitExceededException'
  | 'MalformedPolicyDocumentException'
  | 'NotFoundException'
  | 'TagException'
  | 'UnsupportedOperationException'
  | 'ValidationException';

const CODES: Partial<Record<KeyFailureName, ErrorCode>> = {
  AlreadyExistsException: 'already_exists',
  ConflictException: 'conflict',
  DisabledException: 'key_unusable',
  KMSInvalidStateException: 'key_unusable',
  LimitExceededException: 'limit_exceeded',
  MalformedPolicyDocumentException: 'malformed_policy',
  NotFoundException: 'not_found',
  UnsupportedOperationException: 'unsupported',
};

/** A failure of the key service, under its own name. */
export function keyFailure(
  name: KeyFailureName,
  message: string,
  options: { readonly context?: ErrorContext; readonly cause?: unknown } = {},
): LochError {
  return new LochError(CODES[name] ?? 'invalid_argument', message, {
    context: { ...options.context, kms: name },
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}

/** KMS's name of a failure, if it is one of the key service. */
export function keyFailureName(error: LochError): KeyFailureName | undefined {
  const name = error.context.kms;
  return typeof name === 'string' ? (name as KeyFailureName) : undefined;
}

/** What kind of material a key has. */
export type KeySpec =
  | 'SYMMETRIC_DEFAULT'
  | 'RSA_2048'
  | 'RSA_3072'
  | 'RSA_4096'
  | 'ECC_NIST_P256'
  | 'ECC_NIST_P384'
  | 'ECC_NIST_P521'
  | 'ECC_SECG_P256K1'
  | 'ECC_NIST_EDWARDS25519'
  | 'HMAC_224'
  | 'HMAC_256'
  | 'HMAC_384'
  | 'HMAC_512';

/** What a key is for; it is used for nothing else. */
export type KeyUsage = 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC' | 'KEY_AGREEMENT';

/** Whether and why not a key can be used. */
export type KeyState = 'Enabled' | 'Disabled' | 'PendingImport' | 'PendingDeletion';

/** Names and values that must be told again to decrypt; authenticated, not secret. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** A key as its owner sees it. **Units**: times in milliseconds since 1970 UTC. */
export interface KeyInfo {
  readonly keyId: string;
  readonly arn: string;
  readonly accountId: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  /** The algorithms it can be used with, by KMS's names. */
  readonly algorithms: readonly string[];
  readonly origin: 'AWS_KMS' | 'EXTERNAL';
  /** `AWS`: made by a service of the lake on first use (`alias/aws/s3`); nobody changes it. */
  readonly manager: 'CUSTOMER' | 'AWS';
  readonly state: KeyState;
  readonly enabled: boolean;
  readonly description: string;
  readonly createdAt: number;
  readonly deletionAt?: number;
  /** Of imported material. */
  readonly expiresAt?: number;
  readonly materialId?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
  readonly rotation: { readonly enabled: boolean; readonly periodDays: number; readonly nextAt?: number };
  readonly lastUsedAt?: number;
  readonly lastUsedFor?: string;
}

/** What a new key shall be. */
export interface NewKey {
  readonly spec?: KeySpec;
  readonly usage?: KeyUsage;
  readonly origin?: 'AWS_KMS' | 'EXTERNAL';
  readonly description?: string;
  /** JSON; the default lets the account's IAM policies decide. */
  readonly policy?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Take a policy that locks its maker out. */
  readonly bypassLockoutCheck?: boolean;
}

export interface KeyPage<T> {
  readonly items: readonly T[];
  readonly marker?: string;
}

export interface KeyPageRequest {
  readonly limit?: number;
  readonly marker?: string;
}

export interface KeyAlias {
  readonly name: string;
  readonly arn: string;
  readonly keyId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A standing permission to use a key, beside policies. */
export interface KeyGrant {
  readonly grantId: string;
  readonly keyId: string;
  readonly keyArn: string;
  readonly name?: string;
  readonly grantee: string;
  readonly retiring?: string;
  readonly operations: readonly string[];
  readonly constraints?: { readonly subset?: EncryptionContext; readonly equals?: EncryptionContext };
  readonly issuer: string;
  readonly createdAt: number;
}

export interface NewGrant {
  readonly key: string;
  readonly grantee: string;
  readonly retiring?: string;
  readonly operations: readonly string[];
  readonly constraints?: KeyGrant['constraints'];
  readonly name?: string;
}

/** One change of a key's material. */
export interface KeyRotation {
  readonly materialId: string;
  readonly at: number;
  readonly type?: 'AUTOMATIC' | 'ON_DEMAND';
  readonly current: boolean;
  readonly imported: boolean;
  readonly expiresAt?: number;
}

/** For uses: a decryption must be told the context of the encryption again. A grant works at once, without its token. */
export interface KeyUseOptions {
  readonly encryptionContext?: EncryptionContext;
  readonly algorithm?: string;
  /** Only ask whether it would be allowed. **Errors**: `DryRunOperationException` when it would. */
  readonly dryRun?: boolean;
}

/** What encrypted; by which key. */
export interface KeyCiphertext {
  readonly keyArn: string;
  readonly ciphertext: Uint8Array;
  readonly algorithm: string;
  readonly materialId?: string;
}

/** What decrypted; by which key. */
export interface KeyPlaintext {
  readonly keyArn: string;
  readonly plaintext: Uint8Array;
  readonly algorithm: string;
  readonly materialId?: string;
}

/** A data key, plain and encrypted. **Units**: bytes. */
export interface DataKey extends KeyCiphertext {
  readonly plaintext: Uint8Array;
}

/** A data key pair: DER, the private half also encrypted. */
export interface DataKeyPair extends DataKey {
  readonly publicKey: Uint8Array;
}

export interface KeySignature {
  readonly keyArn: string;
  readonly signature: Uint8Array;
  readonly algorithm: string;
}

export interface PublicKeyInfo {
  readonly key: KeyInfo;
  /** DER, SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

/** What a caller needs to wrap material for import. */
export interface ImportParameters {
  readonly keyArn: string;
  readonly publicKey: Uint8Array;
  readonly token: Uint8Array;
  readonly validTo: number;
}

export interface ImportedMaterial {
  readonly key: string;
  readonly token: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly expiresAt?: number;
  readonly materialId?: string;
  readonly isNew?: boolean;
}

/** The use-cases of keys: what the KMS door, the console and the command line call. */
export interface Keys {
  createKey(context: RequestContext, input: NewKey): Promise<KeyInfo>;
  describeKey(context: RequestContext, key: string): Promise<KeyInfo>;
  listKeys(
    context: RequestContext,
    page: KeyPageRequest,
  ): Promise<KeyPage<{ readonly keyId: string; readonly arn: string }>>;
  updateDescription(context: RequestContext, key: string, description: string): Promise<void>;
  setEnabled(context: RequestContext, key: string, enabled: boolean): Promise<void>;
  /** **Units**: days, 7 to 30. */
  scheduleDeletion(context: RequestContext, key: string, days?: number): Promise<KeyInfo>;
  cancelDeletion(context: RequestContext, key: string): Promise<KeyInfo>;
  lastUsage(context: RequestContext, key: string): Promise<KeyInfo>;

  createAlias(context: RequestContext, name: string, key: string): Promise<void>;
  updateAlias(context: RequestContext, name: string, key: string): Promise<void>;
  deleteAlias(context: RequestContext, name: string): Promise<void>;
  listAliases(context: RequestContext, key: string | undefined, page: KeyPageRequest): Promise<KeyPage<KeyAlias>>;

  tagKey(context: RequestContext, key: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untagKey(context: RequestContext, key: string, names: readonly string[]): Promise<void>;
  listTags(context: RequestContext, key: string, page: KeyPageRequest): Promise<KeyPage<readonly [string, string]>>;

  getPolicy(context: RequestContext, key: string): Promise<string>;
  putPolicy(context: RequestContext, key: string, policy: string, bypassLockoutCheck?: boolean): Promise<void>;
  listPolicies(context: RequestContext, key: string): Promise<readonly string[]>;

  createGrant(context: RequestContext, input: NewGrant): Promise<{ readonly grantId: string; readonly token: string }>;
  listGrants(
    context: RequestContext,
    key: string,
    filter: { readonly grantId?: string; readonly grantee?: string },
    page: KeyPageRequest,
  ): Promise<KeyPage<KeyGrant>>;
  listRetirableGrants(context: RequestContext, retiring: string, page: KeyPageRequest): Promise<KeyPage<KeyGrant>>;
  retireGrant(
    context: RequestContext,
    grant: { readonly token?: string; readonly key?: string; readonly grantId?: string },
  ): Promise<void>;
  revokeGrant(context: RequestContext, key: string, grantId: string): Promise<void>;

  setRotation(context: RequestContext, key: string, enabled: boolean, periodDays?: number): Promise<void>;
  rotationStatus(context: RequestContext, key: string): Promise<KeyInfo>;
  rotateOnDemand(context: RequestContext, key: string): Promise<KeyInfo>;
  listRotations(
    context: RequestContext,
    key: string,
    include: 'ALL_KEY_MATERIAL' | 'ROTATIONS_ONLY',
    page: KeyPageRequest,
  ): Promise<KeyPage<KeyRotation> & { readonly keyArn: string }>;

  importParameters(context: RequestContext, key: string, algorithm: string, spec: string): Promise<ImportParameters>;
  importMaterial(
    context: RequestContext,
    input: ImportedMaterial,
  ): Promise<{ readonly keyArn: string; readonly materialId: string }>;
  deleteImportedMaterial(context: RequestContext, key: string, materialId?: string): Promise<KeyInfo>;

  encrypt(context: RequestContext, key: string, plaintext: Uint8Array, options?: KeyUseOptions): Promise<KeyCiphertext>;
  decrypt(
    context: RequestContext,
    ciphertext: Uint8Array,
    options?: KeyUseOptions & { readonly key?: string },
  ): Promise<KeyPlaintext>;
  reEncrypt(
    context: RequestContext,
    ciphertext: Uint8Array,
    from: KeyUseOptions & { readonly key?: string },
    to: KeyUseOptions & { readonly key: string },
  ): Promise<KeyCiphertext & { readonly source: Omit<KeyPlaintext, 'plaintext'> }>;
  generateDataKey(
    context: RequestContext,
    key: string,
    bytes: number,
    options?: KeyUseOptions & { readonly withoutPlaintext?: boolean },
  ): Promise<DataKey>;
  generateDataKeyPair(
    context: RequestContext,
    key: string,
    spec: string,
    options?: KeyUseOptions & { readonly withoutPlaintext?: boolean },
  ): Promise<DataKeyPair>;
  generateRandom(context: RequestContext, bytes: number): Promise<Uint8Array>;
  generateMac(context: RequestContext, key: string, message: Uint8Array, options: KeyUseOptions): Promise<KeySignature>;
  verifyMac(
    context: RequestContext,
    key: string,
    message: Uint8Array,
    mac: Uint8Array,
    options: KeyUseOptions,
  ): Promise<KeySignature>;
  sign(
    context: RequestContext,
    key: string,
    message: Uint8Array,
    options: KeyUseOptions & { readonly digest?: boolean },
  ): Promise<KeySignature>;
  verify(
    context: RequestContext,
    key: string,
    message: Uint8Array,
    signature: Uint8Array,
    options: KeyUseOptions & { readonly digest?: boolean },
  ): Promise<KeySignature>;
  publicKey(context: RequestContext, key: string): Promise<PublicKeyInfo>;
  deriveSharedSecret(
    context: RequestContext,
    key: string,
    publicKey: Uint8Array,
    options?: KeyUseOptions,
  ): Promise<{ readonly keyArn: string; readonly secret: Uint8Array }>;
}

/** A data key for bytes at rest. `wrapped` opens again through `openDataKey` only. **Units**: 32 bytes. */
export interface StoredDataKey {
  readonly plain: Uint8Array;
  readonly wrapped: Uint8Array;
  /** ARN of the key that wraps it; undefined for the lake's own. */
  readonly keyArn?: string;
}

/** A use of a key by a service of the lake. */
export interface DataKeyRequest {
  /** `s3`: what `kms:ViaService` says. */
  readonly service: string;
  /** Id, ARN or alias; `alias/aws/<service>` is made on its first use. Undefined: the lake's own key. */
  readonly key?: string;
  readonly encryptionContext?: EncryptionContext;
  /** A data key there is, to be wrapped once more instead of a new one. */
  readonly reuse?: Uint8Array;
}

/**
 * Keys as the stores of Loch use them, in the name of whoever's request it is; without a context, of the lake's owner.
 * Each use of a key of the key service is authorized as `kms:GenerateDataKey` or `kms:Decrypt` of the caller with
 * `kms:ViaService`, and recorded in the audit. The lake's own key (SSE-S3) asks nobody and records nothing.
 */
export interface DataKeys {
  /** A new data key. **Errors**: `access_denied`, `key_unusable`, `not_found`. */
  newDataKey(context: RequestContext | undefined, request: DataKeyRequest): Promise<StoredDataKey>;
  /** The data key again. **Errors**: as `newDataKey`; `data_corrupt` when `wrapped` is not what was given. */
  openDataKey(
    context: RequestContext | undefined,
    request: DataKeyRequest & { readonly wrapped: Uint8Array },
  ): Promise<Uint8Array>;
  /**
   * The ARN of the key, if the caller may use it now; for who has its data key still in memory. Nothing is recorded.
   * **Errors**: as `newDataKey`.
   */
  assertUsable(
    context: RequestContext | undefined,
    request: DataKeyRequest & { readonly key: string; readonly operation: 'Decrypt' | 'GenerateDataKey' },
  ): Promise<string>;
}
