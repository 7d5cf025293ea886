/** The columns of inventory lists, in both formats. **Source**: S3 User Guide, "Amazon S3 Inventory list". */
import { canonicalUserId } from '../../core/canonical-user.ts';
import type { ObjectEncryption, ObjectHead, ObjectVersion } from '../contract.ts';
import type { InventoryConfiguration, InventoryField } from './configuration.ts';

/** A version as a list tells it; `isLatest` is absent in listings of what is current. */
export type ListedVersion = ObjectHead & Partial<Pick<ObjectVersion, 'isLatest' | 'deleteMarker'>>;

/** A cell: null where the version has nothing to tell. Times are numbers. **Units**: milliseconds since 1970 UTC. */
type Cell = string | number | boolean | null;

/** A column: its name in each format, its type in Parquet, and its value. */
export interface InventoryColumn {
  readonly name: string;
  readonly parquetName: string;
  readonly type: 'text' | 'whole' | 'time' | 'flag';
  readonly required?: true;
  readonly of: (version: ListedVersion) => Cell;
}

type Column = Omit<InventoryColumn, 'name'>;

const ENCRYPTION: Readonly<Record<ObjectEncryption['algorithm'], string>> = {
  AES256: 'SSE-S3',
  'aws:kms': 'SSE-KMS',
  'aws:kms:dsse': 'DSSE-KMS',
  customer: 'SSE-C',
};

/** `of`, for versions that have bytes: a marker tells nothing of them. */
const ofBytes =
  (of: (version: ListedVersion) => Cell) =>
  (version: ListedVersion): Cell =>
    version.deleteMarker === true ? null : of(version);

const text = (parquetName: string, of: Column['of']): Column => ({ parquetName, type: 'text', of: ofBytes(of) });

/** The algorithms of a version's checksums as S3 names them. */
const algorithms = (checksums: Readonly<Record<string, string>>): string | null =>
  Object.keys(checksums)
    .map((name) => name.toUpperCase())
    .join(',') || null;

/** The optional columns. `bucketOwner` is the account of the bucket. */
const optional = (bucketOwner: string): Readonly<Record<InventoryField, Column>> => ({
  Size: { parquetName: 'size', type: 'whole', of: ofBytes(({ size }) => size) },
  LastModifiedDate: { parquetName: 'last_modified_date', type: 'time', of: ({ lastModified }) => lastModified },
  ETag: text('e_tag', ({ etag }) => etag.replaceAll('"', '')),
  StorageClass: text('storage_class', ({ attributes }) => attributes.storageClass ?? 'STANDARD'),
  IsMultipartUploaded: {
    parquetName: 'is_multipart_uploaded',
    type: 'flag',
    of: ofBytes(({ partSizes, etag }) => partSizes !== undefined || /-\d+"?$/.test(etag)),
  },
  ReplicationStatus: text('replication_status', ({ attributes }) => attributes.replicationStatus ?? null),
  EncryptionStatus: text('encryption_status', ({ attributes: { encryption } }) =>
    encryption === undefined ? 'NOT-SSE' : ENCRYPTION[encryption.algorithm],
  ),
  ObjectLockRetainUntilDate: {
    parquetName: 'object_lock_retain_until_date',
    type: 'time',
    of: ofBytes(({ attributes }) => attributes.retention?.until ?? null),
  },
  ObjectLockMode: text('object_lock_mode', ({ attributes }) => attributes.retention?.mode ?? null),
  ObjectLockLegalHoldStatus: text('object_lock_legal_hold_status', ({ attributes: { legalHold } }) =>
    legalHold === undefined ? null : legalHold ? 'ON' : 'OFF',
  ),
  IntelligentTieringAccessTier: text('intelligent_tiering_access_tier', ({ attributes }) =>
    attributes.storageClass === 'INTELLIGENT_TIERING' ? (attributes.accessTier ?? 'FREQUENT') : null,
  ),
  BucketKeyStatus: text('bucket_key_status', ({ attributes: { encryption } }) =>
    encryption?.algorithm === 'aws:kms' ? (encryption.bucketKey === true ? 'ENABLED' : 'DISABLED') : null,
  ),
  ChecksumAlgorithm: text('checksum_algorithm', ({ checksums }) => algorithms(checksums)),
  ObjectOwner: {
    parquetName: 'object_owner',
    type: 'text',
    of: ({ attributes }) => canonicalUserId(attributes.ownerAccountId ?? bucketOwner),
  },
});

/** The columns of a configuration's lists of `bucket`, whose account is `bucketOwner`. */
export function columnsOf(
  { versions, fields }: Pick<InventoryConfiguration, 'versions' | 'fields'>,
  bucket: string,
  bucketOwner: string,
): readonly InventoryColumn[] {
  const known = optional(bucketOwner);
  const ofVersions: readonly InventoryColumn[] = [
    {
      name: 'VersionId',
      parquetName: 'version_id',
      type: 'text',
      of: ({ versionId, isNull }) => (isNull === true ? 'null' : versionId),
    },
    { name: 'IsLatest', parquetName: 'is_latest', type: 'flag', of: ({ isLatest }) => isLatest === true },
    {
      name: 'IsDeleteMarker',
      parquetName: 'is_delete_marker',
      type: 'flag',
      of: ({ deleteMarker }) => deleteMarker === true,
    },
  ];
  return [
    { name: 'Bucket', parquetName: 'bucket', type: 'text', required: true, of: () => bucket },
    { name: 'Key', parquetName: 'key', type: 'text', required: true, of: ({ key }) => key },
    ...(versions === 'All' ? ofVersions : []),
    ...(Object.keys(known) as InventoryField[])
      .filter((name) => fields.includes(name))
      .map((name) => ({ name, ...known[name] })),
  ];
}

/** The row of a CSV list: every field quoted, keys URL-encoded, as S3 writes it. */
export function csvRow(columns: readonly InventoryColumn[], version: ListedVersion): string {
  const cells = columns.map(({ name, type, of }) => {
    const value = of(version);
    if (value === null) return '';
    if (type === 'time') return new Date(value as number).toISOString();
    return name === 'Key' ? urlEncoded(String(value)) : String(value);
  });
  return `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`;
}

/** As forms encode, but for slashes, which S3 leaves. */
const urlEncoded = (key: string): string =>
  encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+')
    .replaceAll(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const ENGINE_TYPES = { text: 'VARCHAR', whole: 'BIGINT', time: 'BIGINT', flag: 'BOOLEAN' } as const;
const PARQUET_TYPES = {
  text: 'binary $ (UTF8)',
  whole: 'int64 $',
  time: 'int64 $ (TIMESTAMP_MILLIS)',
  flag: 'boolean $',
} as const;

/** A line of JSON, for the engine to make Parquet of. */
export function jsonRow(columns: readonly InventoryColumn[], version: ListedVersion): string {
  return `${JSON.stringify(Object.fromEntries(columns.map(({ parquetName, of }) => [parquetName, of(version)])))}\n`;
}

/** What the engine reads of lines of `jsonRow` in `file`, an SQL string; names of columns are ours and need no quotes. */
export function parquetQuery(columns: readonly InventoryColumn[], file: string): string {
  const read = columns.map(({ parquetName, type }) => `${parquetName}: '${ENGINE_TYPES[type]}'`).join(', ');
  const list = columns.map(({ parquetName, type }) =>
    type === 'time' ? `CAST(epoch_ms(${parquetName}) AS TIMESTAMP_MS) AS ${parquetName}` : parquetName,
  );
  return `SELECT ${list.join(', ')} FROM read_json([${file}], format = 'newline_delimited', columns = {${read}})`;
}

/** How a manifest tells the columns. */
export function fileSchema(format: 'CSV' | 'Parquet', columns: readonly InventoryColumn[]): string {
  if (format === 'CSV') return columns.map(({ name }) => name).join(', ');
  const members = columns.map(
    ({ parquetName, type, required }) =>
      `${required === true ? 'required' : 'optional'} ${PARQUET_TYPES[type].replace('$', parquetName)};`,
  );
  return `message s3.inventory { ${members.join(' ')} }`;
}
