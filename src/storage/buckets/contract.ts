/**
 * What a bucket is told about itself: its policy, its lists of who may, its rules for browsers, tags and the rest.
 *
 * Call rules
 * - A setting that was put is in force for every request that begins after the answer.
 * - Settings go in the transaction that deletes their bucket, and one that is made under the name of another starts
 *   without any, whatever a late change left behind.
 * - `BucketSettings` asks no policy; `BucketSettingAccess` does, and is what doors call.
 */
import type { z } from 'zod';
import type { RequestContext } from '../../core/caller.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { StoreCall } from '../../core/store-call.ts';
import type { AccessControlList, AccessGrant } from '../versions.ts';
import type { CANNED_LISTS } from './access-lists.ts';
import type { SETTING_KINDS } from './setting-kinds.ts';

/** The name of a kind of setting. */
export type BucketSettingKind = keyof typeof SETTING_KINDS;

/** The value of a setting of a kind. */
export type BucketSetting<K extends BucketSettingKind> = z.infer<(typeof SETTING_KINDS)[K]['value']>;

/** Whose objects are and whether lists of grants count. **Source**: S3 User Guide, "Controlling ownership of objects". */
export type ObjectOwnership = BucketSetting<'ownership'>['objectOwnership'];

/** Names of lists that S3 has ready. */
export type CannedList = (typeof CANNED_LISTS)[number];

/** A list as it is asked for: by its ready name, or line by line, with who is thought to own what it is of. */
export type AclRequest =
  | { readonly canned: CannedList }
  | { readonly grants: readonly AccessGrant[]; readonly owner?: string };

/** What a write may ask for beside the bytes. */
export interface AclOption {
  /** Who may read the new object, and its list. */
  readonly acl?: AclRequest;
}

/** Which of several settings of a kind; kinds of which a bucket has one have no id. */
export interface SettingName<K extends BucketSettingKind> {
  readonly bucket: string;
  readonly kind: K;
  readonly id?: string;
}

/** What buckets are taken to say that have said nothing. */
export interface BucketDefaults {
  readonly objectOwnership: ObjectOwnership;
  /** Whether all four parts of the public-access block hold. */
  readonly publicAccessBlock: boolean;
  /** How objects are encrypted that ask for nothing, in buckets that say nothing. */
  readonly encryption?: BucketSetting<'encryption'>;
}

/** Settings of buckets at rest, with what was read kept in memory until it changes. */
export interface BucketSettings extends Lifecycle {
  readonly defaults: BucketDefaults;
  /** The account that owns the bucket; undefined when there is no such bucket. */
  ownerOf(bucket: string): Promise<string | undefined>;
  /** The value, the default of the lake, or undefined. The bucket need not exist. */
  get<K extends BucketSettingKind>(bucket: string, kind: K, id?: string): Promise<BucketSetting<K> | undefined>;
  /** All settings of a kind of which a bucket has many, by id. */
  list<K extends BucketSettingKind>(
    bucket: string,
    kind: K,
  ): Promise<readonly { readonly id: string; readonly value: BucketSetting<K> }[]>;
  /** Durable when it resolves. **Errors**: `invalid_argument` for a value that is none of the kind. */
  put<K extends BucketSettingKind>(bucket: string, kind: K, value: BucketSetting<K>, id?: string): Promise<void>;
  /** Changes a value to what `next` makes of it, which may be asked again; undefined removes it. **Errors**: `conflict`. */
  change<K extends BucketSettingKind>(
    bucket: string,
    kind: K,
    next: (now: BucketSetting<K> | undefined) => BucketSetting<K> | undefined,
  ): Promise<void>;
  /** Removing what is not set succeeds; a default does not come back. */
  remove(bucket: string, kind: BucketSettingKind, id?: string): Promise<void>;
  /** `put` as a call, for the transaction of something else. */
  putCall<K extends BucketSettingKind>(bucket: string, kind: K, value: BucketSetting<K>, id?: string): StoreCall;
}

/**
 * Settings as a caller may use them. Every method asks the policy for the exact action of the kind.
 * **Errors**: `access_denied`, `bucket_not_found`, and those of `BucketSettings`.
 */
export interface BucketSettingAccess {
  get<K extends BucketSettingKind>(
    context: RequestContext,
    name: SettingName<K>,
  ): Promise<BucketSetting<K> | undefined>;
  list<K extends BucketSettingKind>(
    context: RequestContext,
    name: Omit<SettingName<K>, 'id'>,
  ): Promise<readonly { readonly id: string; readonly value: BucketSetting<K> }[]>;
  put<K extends BucketSettingKind>(
    context: RequestContext,
    name: SettingName<K>,
    value: BucketSetting<K>,
  ): Promise<void>;
  remove(context: RequestContext, name: SettingName<BucketSettingKind>): Promise<void>;
  /** Tags of a bucket one by one. **Errors**: `invalid_tag` for too many. */
  readonly tags: {
    list(context: RequestContext, bucket: string): Promise<Readonly<Record<string, string>>>;
    add(context: RequestContext, bucket: string, tags: Readonly<Record<string, string>>): Promise<void>;
    remove(context: RequestContext, bucket: string, keys: readonly string[]): Promise<void>;
  };
  /** The public-access block of an account for all its buckets. */
  readonly accountBlock: {
    get(context: RequestContext, accountId: string): Promise<BucketSetting<'publicAccessBlock'> | undefined>;
    put(context: RequestContext, accountId: string, block: BucketSetting<'publicAccessBlock'>): Promise<void>;
    remove(context: RequestContext, accountId: string): Promise<void>;
  };
  /** The account that owns a bucket, for doors to show and compare; asks no policy. */
  ownerOf(bucket: string): Promise<string | undefined>;
  /** What browsers may do from other origins, which is told to whoever asks; asks no policy. */
  corsRules(bucket: string): Promise<BucketSetting<'cors'>['rules'] | undefined>;
  /** The list of a bucket; its owner's alone while none was put. Requires `s3:GetBucketAcl`. */
  getAcl(context: RequestContext, bucket: string): Promise<AccessControlList>;
  /** Requires `s3:PutBucketAcl`. **Errors**: `acl_not_supported`, `access_denied` while public lists are blocked. */
  putAcl(context: RequestContext, bucket: string, acl: AclRequest): Promise<void>;
  /** Whether policy or list let in whoever comes. Requires `s3:GetBucketPolicyStatus`. */
  isPublic(context: RequestContext, bucket: string): Promise<boolean>;
}
