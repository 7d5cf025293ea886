import type { Migration } from '../../../metadata/contract.ts';

/** A key. The state follows from `enabled`, `deletion_at` and the current material. */
export interface KeyRow {
  key_id: string;
  account_id: string;
  spec: string;
  usage: string;
  origin: string;
  manager: string;
  enabled: number;
  description: string;
  policy: string;
  tags: string;
  created_at: number;
  deletion_at: number | null;
  rotation_days: number | null;
  rotation_next: number | null;
}

/** Material of a key, sealed. Of imported material that was deleted or has expired the row stays, without bytes. */
export interface MaterialRow {
  key_id: string;
  material_id: string;
  number: number;
  sealed: Uint8Array | null;
  public_key: Uint8Array | null;
  created_at: number;
  expires_at: number | null;
  /** `FIRST`, `AUTOMATIC`, `ON_DEMAND`. */
  cause: string;
  /** New uses take the current one. */
  current: number;
}

export interface AliasRow {
  account_id: string;
  name: string;
  key_id: string;
  created_at: number;
  updated_at: number;
}

export interface GrantRow {
  grant_id: string;
  key_id: string;
  account_id: string;
  name: string | null;
  grantee: string;
  retiring: string | null;
  /** JSON. */
  operations: string;
  /** JSON or null. */
  constraints: string | null;
  issuer: string;
  created_at: number;
}

export interface KeyTables {
  kms_key: KeyRow;
  kms_material: MaterialRow;
  kms_alias: AliasRow;
  kms_grant: GrantRow;
  kms_use: { key_id: string; at: number; operation: string };
}

export const keyMigrations: readonly Migration[] = [
  {
    number: 1,
    name: 'keys, material, aliases, grants',
    statements: [
      `CREATE TABLE IF NOT EXISTS kms_key (
         key_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, spec TEXT NOT NULL, usage TEXT NOT NULL,
         origin TEXT NOT NULL, manager TEXT NOT NULL, enabled BIGINT NOT NULL, description TEXT NOT NULL,
         policy TEXT NOT NULL, tags TEXT NOT NULL, created_at BIGINT NOT NULL, deletion_at BIGINT,
         rotation_days BIGINT, rotation_next BIGINT)`,
      'CREATE INDEX IF NOT EXISTS kms_key_account ON kms_key (account_id, key_id)',
      'CREATE INDEX IF NOT EXISTS kms_key_deletion ON kms_key (deletion_at) WHERE deletion_at IS NOT NULL',
      'CREATE INDEX IF NOT EXISTS kms_key_rotation ON kms_key (rotation_next) WHERE rotation_next IS NOT NULL',
      `CREATE TABLE IF NOT EXISTS kms_material (
         key_id TEXT NOT NULL, material_id TEXT NOT NULL, number BIGINT NOT NULL, sealed BLOB, public_key BLOB,
         created_at BIGINT NOT NULL, expires_at BIGINT, cause TEXT NOT NULL, current BIGINT NOT NULL,
         PRIMARY KEY (key_id, material_id))`,
      'CREATE INDEX IF NOT EXISTS kms_material_expiry ON kms_material (expires_at) WHERE expires_at IS NOT NULL',
      `CREATE TABLE IF NOT EXISTS kms_alias (
         account_id TEXT NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL, created_at BIGINT NOT NULL,
         updated_at BIGINT NOT NULL, PRIMARY KEY (account_id, name))`,
      'CREATE INDEX IF NOT EXISTS kms_alias_key ON kms_alias (key_id)',
      `CREATE TABLE IF NOT EXISTS kms_grant (
         grant_id TEXT PRIMARY KEY, key_id TEXT NOT NULL, account_id TEXT NOT NULL, name TEXT, grantee TEXT NOT NULL,
         retiring TEXT, operations TEXT NOT NULL, constraints TEXT, issuer TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      'CREATE INDEX IF NOT EXISTS kms_grant_key ON kms_grant (key_id, grant_id)',
      'CREATE INDEX IF NOT EXISTS kms_grant_retiring ON kms_grant (retiring, grant_id) WHERE retiring IS NOT NULL',
      'CREATE TABLE IF NOT EXISTS kms_use (key_id TEXT PRIMARY KEY, at BIGINT NOT NULL, operation TEXT NOT NULL)',
    ],
  },
];
