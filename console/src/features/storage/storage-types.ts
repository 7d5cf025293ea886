/** What the API tells of buckets and objects; the types are those of the storage contract. */
export interface Bucket {
  readonly name: string;
  readonly createdAt: number;
  readonly region: string;
  readonly ownerAccountId: string;
  readonly versioning?: 'Enabled' | 'Suspended';
  readonly objectLock?: true;
}

export interface ObjectHead {
  readonly key: string;
  readonly versionId: string;
  readonly isNull?: true;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly checksums: Readonly<Record<string, string>>;
  readonly attributes: {
    readonly tags?: Readonly<Record<string, string>>;
    readonly retention?: { readonly mode: string; readonly until: number };
    readonly legalHold?: boolean;
    readonly storageClass?: string;
    readonly encryption?: { readonly algorithm: string; readonly keyId?: string };
    readonly restore?: { readonly ongoing: boolean; readonly until?: number };
  };
}

export interface ObjectVersion extends ObjectHead {
  readonly isLatest: boolean;
  readonly deleteMarker?: true;
}

/** Where the storage pages are: a bucket, a folder in it, an object, a tab. */
export interface StorageSearch {
  readonly bucket: string | undefined;
  readonly prefix: string | undefined;
  readonly key: string | undefined;
  readonly tab: string | undefined;
}

/** The search of a place; what is not named is not set. */
export const place = (at: Partial<StorageSearch> = {}): StorageSearch => ({
  bucket: undefined,
  prefix: undefined,
  key: undefined,
  tab: undefined,
  ...at,
});

/** The query string that names an object, or one of its versions. */
export const objectQuery = (bucket: string, key: string, versionId?: string): string =>
  new URLSearchParams({ bucket, key, ...(versionId === undefined ? {} : { versionId }) }).toString();
