import type { BucketInfo, BucketVersioning, ObjectAttributes, ObjectHead, ObjectVersion } from '../../contract.ts';

/** Rows as they stand in the tables of `migrations.ts`. */
export interface ObjectTables {
  object_bucket: BucketRow;
  object_current: ObjectRow;
  object_version: VersionRow;
  object_garbage: GarbageRow;
  object_upload: UploadRow;
  object_part: PartRow;
}

export interface BucketRow {
  name: string;
  region: string;
  owner_account_id: string;
  created_at: number;
  /** Null: versions were never kept. */
  versioning: BucketVersioning | null;
  object_lock: number;
}

export interface ObjectRow {
  bucket: string;
  key: Uint8Array;
  version_id: string;
  size: number;
  etag: string;
  modified_at: number;
  segment: number | null;
  place: number | null;
  /** `ObjectDetail` as JSON. */
  detail: string;
  /** Orders the versions of a key: the newest has the smallest. */
  rank: number;
  /** 1: S3's null version. */
  is_null: number;
  /** Of a replica: the id of its source, by which it is known. Its bytes lie under `version_id`. */
  shown_id?: string | null;
}

/** A version that is not current, or a delete marker. */
export interface VersionRow extends ObjectRow {
  is_marker: number;
  /** When a newer one took its place; null for a marker that is the newest. */
  noncurrent_since: number | null;
}

/** A row as a read finds it: with what is known of its bucket and of its place among the versions. */
export interface FoundRow extends ObjectRow {
  versioning?: BucketVersioning | null;
  is_marker?: number;
}

export interface GarbageRow {
  dereferenced_at: number;
  version_id: string;
  bucket: string;
  key: Uint8Array;
  segment: number | null;
  place: number | null;
}

export interface UploadRow {
  upload_id: string;
  bucket: string;
  key: Uint8Array;
  started_at: number;
  /** `UploadOptions` as JSON. */
  options: string;
}

/** A part in the upload's main file at `(number - 1) * unit`, or beside it in `file`. */
export interface PartRow {
  upload_id: string;
  number: number;
  size: number;
  /** Hex. */
  md5: string;
  checksums: string;
  modified_at: number;
  unit: number | null;
  file: string | null;
  /** CRC-32 of its stored bytes; null where it was not taken. */
  crc: number | null;
}

/** What is rarely asked of an object; absent members are empty. */
export interface ObjectDetail {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly checksums?: Readonly<Record<string, string>>;
  readonly partSizes?: readonly (readonly [number, number])[];
  /** The upload that made it, so that a repeated completion is recognized. */
  readonly uploadId?: string;
  readonly attributes?: ObjectAttributes;
  /** Its bytes are not what was acknowledged: nobody gets them. */
  readonly damaged?: 'corrupt' | 'missing';
  /** CRC-32 of the stored bytes, of a version that was placed as a file. */
  readonly crc?: number;
}

/** S3's own default. */
export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

const filled = (map: Readonly<Record<string, string>> | undefined): boolean =>
  map !== undefined && Object.keys(map).length > 0;

/** The detail as it is stored; empty members are left out. */
export function formatDetail(detail: ObjectDetail): string {
  const { contentType, metadata, headers, checksums, partSizes, uploadId, attributes, damaged, crc } = detail;
  return JSON.stringify({
    ...(contentType === undefined || contentType === DEFAULT_CONTENT_TYPE ? {} : { contentType }),
    ...(filled(metadata) ? { metadata } : {}),
    ...(filled(headers) ? { headers } : {}),
    ...(filled(checksums) ? { checksums } : {}),
    ...(partSizes === undefined ? {} : { partSizes }),
    ...(uploadId === undefined ? {} : { uploadId }),
    ...(attributes === undefined || Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(damaged === undefined ? {} : { damaged }),
    ...(crc === undefined ? {} : { crc }),
  });
}

/** The id by which a version is known. */
export const shownIdOf = (row: Pick<ObjectRow, 'version_id' | 'shown_id'>): string => row.shown_id ?? row.version_id;

/** The key of a row as text. */
export const keyText = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8');

const NONE: ObjectAttributes = {};

/** An object's head from its row. */
export function headOf(row: FoundRow): ObjectHead {
  const detail = JSON.parse(row.detail) as ObjectDetail;
  return {
    bucket: row.bucket,
    key: keyText(row.key),
    versionId: shownIdOf(row),
    ...(row.is_null === 1 ? { isNull: true as const } : {}),
    ...(row.versioning == null ? {} : { versioning: row.versioning }),
    attributes: detail.attributes ?? NONE,
    size: row.size,
    etag: row.etag,
    lastModified: row.modified_at,
    contentType: detail.contentType ?? DEFAULT_CONTENT_TYPE,
    metadata: detail.metadata ?? {},
    headers: detail.headers ?? {},
    checksums: detail.checksums ?? {},
    ...(detail.partSizes === undefined ? {} : { partSizes: detail.partSizes }),
  };
}

/** A version of a listing from its row. */
export function versionOf(row: VersionRow & { latest: number }): ObjectVersion {
  return {
    ...headOf(row),
    isLatest: row.latest === 1,
    ...(row.is_marker === 1 ? { deleteMarker: true as const } : {}),
    ...(row.noncurrent_since === null ? {} : { noncurrentSince: row.noncurrent_since }),
  };
}

/** A bucket from its row. */
export const bucketOf = (row: BucketRow): BucketInfo => ({
  name: row.name,
  createdAt: row.created_at,
  region: row.region,
  ownerAccountId: row.owner_account_id,
  ...(row.versioning === null ? {} : { versioning: row.versioning }),
  ...(row.object_lock === 1 ? { objectLock: true as const } : {}),
});
