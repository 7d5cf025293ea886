import type { Migration } from '../../../metadata/contract.ts';

/**
 * `object_current` holds the version a key shows, so that finding and listing cost the same however many older ones
 * there are; `object_version` holds the older ones and all delete markers. Keys are BLOBs, so that they order by their UTF-8 bytes. A version lies in a segment (`segment`, `place`) or, when
 * `segment` is null, in a file whose path follows from bucket, key and version.
 */
export const objectMigrations: readonly Migration[] = [
  {
    number: 1,
    name: 'buckets, objects, uploads, garbage',
    statements: [
      `CREATE TABLE IF NOT EXISTS object_bucket (
         name TEXT PRIMARY KEY, region TEXT NOT NULL, owner_account_id TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS object_current (
         bucket TEXT NOT NULL, key BLOB NOT NULL, version_id TEXT NOT NULL, size BIGINT NOT NULL, etag TEXT NOT NULL,
         modified_at BIGINT NOT NULL, segment BIGINT, place BIGINT, detail TEXT NOT NULL,
         PRIMARY KEY (bucket, key)) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS object_current_segment ON object_current (segment, size) WHERE segment IS NOT NULL`,
      `CREATE TABLE IF NOT EXISTS object_garbage (
         dereferenced_at BIGINT NOT NULL, version_id TEXT NOT NULL, bucket TEXT NOT NULL, key BLOB NOT NULL,
         segment BIGINT, place BIGINT, PRIMARY KEY (dereferenced_at, version_id)) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS object_garbage_segment ON object_garbage (segment) WHERE segment IS NOT NULL`,
      `CREATE INDEX IF NOT EXISTS object_garbage_version ON object_garbage (version_id) WHERE segment IS NULL`,
      `CREATE TABLE IF NOT EXISTS object_upload (
         upload_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, started_at BIGINT NOT NULL,
         options TEXT NOT NULL)`,
      `CREATE INDEX IF NOT EXISTS object_upload_key ON object_upload (bucket, key, upload_id)`,
      `CREATE TABLE IF NOT EXISTS object_part (
         upload_id TEXT NOT NULL, number BIGINT NOT NULL, size BIGINT NOT NULL, md5 TEXT NOT NULL,
         checksums TEXT NOT NULL, modified_at BIGINT NOT NULL, unit BIGINT, file TEXT,
         PRIMARY KEY (upload_id, number)) WITHOUT ROWID`,
    ],
  },
  {
    // Rows that stand here are null versions. `rank` orders the versions of a key, the smallest being the newest.
    number: 2,
    name: 'versions, delete markers, object lock',
    statements: [
      `ALTER TABLE object_bucket ADD COLUMN versioning TEXT`,
      `ALTER TABLE object_bucket ADD COLUMN object_lock BIGINT NOT NULL DEFAULT 0`,
      `ALTER TABLE object_current ADD COLUMN rank BIGINT NOT NULL DEFAULT 0`,
      `ALTER TABLE object_current ADD COLUMN is_null BIGINT NOT NULL DEFAULT 1`,
      `CREATE TABLE IF NOT EXISTS object_version (
         bucket TEXT NOT NULL, key BLOB NOT NULL, version_id TEXT NOT NULL, size BIGINT NOT NULL, etag TEXT NOT NULL,
         modified_at BIGINT NOT NULL, segment BIGINT, place BIGINT, detail TEXT NOT NULL, rank BIGINT NOT NULL,
         is_null BIGINT NOT NULL, is_marker BIGINT NOT NULL, noncurrent_since BIGINT,
         PRIMARY KEY (bucket, key, rank)) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS object_version_id ON object_version (version_id)`,
      `CREATE INDEX IF NOT EXISTS object_version_null ON object_version (bucket, key) WHERE is_null = 1`,
      `CREATE INDEX IF NOT EXISTS object_version_segment ON object_version (segment, size) WHERE segment IS NOT NULL`,
      `CREATE TABLE IF NOT EXISTS object_version_parts (version_id TEXT PRIMARY KEY, parts TEXT NOT NULL) WITHOUT ROWID`,
    ],
  },
  {
    // A version with a place and no segment lies in the tier of that number.
    number: 3,
    name: 'tiers, moves between them, restored copies',
    statements: [
      `CREATE TABLE IF NOT EXISTS object_tier (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
      `CREATE INDEX IF NOT EXISTS object_current_tier ON object_current (version_id, place, size)
         WHERE segment IS NULL AND place IS NOT NULL`,
      `CREATE INDEX IF NOT EXISTS object_version_tier ON object_version (version_id, place, size)
         WHERE segment IS NULL AND place IS NOT NULL`,
      `CREATE TABLE IF NOT EXISTS object_move (
         version_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, not_before BIGINT NOT NULL,
         attempts BIGINT NOT NULL, failure TEXT) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS object_move_due ON object_move (not_before, version_id)`,
      `CREATE TABLE IF NOT EXISTS object_restore (
         version_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, days BIGINT NOT NULL, state TEXT NOT NULL,
         until BIGINT, not_before BIGINT NOT NULL, failure TEXT) WITHOUT ROWID`,
    ],
  },
  {
    number: 4,
    name: 'scrub and damaged versions',
    statements: [
      `CREATE TABLE IF NOT EXISTS object_scrub (
         id BIGINT PRIMARY KEY, cycle BIGINT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, versions BIGINT NOT NULL,
         bytes BIGINT NOT NULL, sealed BIGINT NOT NULL, position TEXT, last_bytes BIGINT NOT NULL, last_ended_at BIGINT)`,
      `CREATE TABLE IF NOT EXISTS object_damage (
         version_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL,
         found_at BIGINT NOT NULL) WITHOUT ROWID`,
    ],
  },
  {
    // Their condition stands in `versionsByUse` word for word: only then are they used.
    number: 5,
    name: 'versions that are kept where their use says',
    statements: [
      `CREATE INDEX IF NOT EXISTS object_current_by_use ON object_current (bucket, key, version_id)
         WHERE instr(detail, '"storageClass":"INTELLIGENT_TIERING"') > 0`,
      `CREATE INDEX IF NOT EXISTS object_version_by_use ON object_version (bucket, key, version_id)
         WHERE instr(detail, '"storageClass":"INTELLIGENT_TIERING"') > 0`,
    ],
  },
  {
    number: 6,
    name: 'the name by which tiers in other services know this lake, checksums of stored parts',
    statements: [
      `CREATE TABLE IF NOT EXISTS object_lake (id TEXT NOT NULL)`,
      `ALTER TABLE object_part ADD COLUMN crc BIGINT`,
    ],
  },
  {
    // Bytes lie under ids that are never given twice; replicas are known by those of their sources.
    number: 7,
    name: 'replicas',
    statements: [
      `ALTER TABLE object_current ADD COLUMN shown_id TEXT`,
      `ALTER TABLE object_version ADD COLUMN shown_id TEXT`,
      `CREATE INDEX IF NOT EXISTS object_version_shown ON object_version (shown_id) WHERE shown_id IS NOT NULL`,
    ],
  },
];
