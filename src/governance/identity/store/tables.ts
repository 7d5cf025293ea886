import type { Migration } from '../../../metadata/contract.ts';

/** Users, groups and roles. `name_key` is the lower-case name: names are unique without regard to case. */
export interface EntityRow {
  account_id: string;
  kind: string;
  name_key: string;
  name: string;
  path: string;
  id: string;
  created_at: number;
  tags: string;
  boundary: string | null;
  description: string;
  trust_policy: string | null;
  max_session_s: number | null;
}

export interface PolicyRow {
  arn: string;
  account_id: string;
  name_key: string;
  name: string;
  path: string;
  id: string;
  description: string;
  default_version: number;
  last_version: number;
  created_at: number;
  updated_at: number;
  tags: string;
}

export interface AccessKeyRow {
  access_key_id: string;
  account_id: string;
  /** The user's id; the account id for root. */
  owner_id: string;
  sealed: Uint8Array;
  status: string;
  created_at: number;
}

/** Accounts beside the lake's own. */
export interface AccountRow {
  account_id: string;
  name: string;
  email: string;
  created_at: number;
}

export interface IdentityTables {
  identity_account: AccountRow;
  identity_entity: EntityRow;
  identity_membership: { user_id: string; group_id: string };
  identity_inline_policy: { entity_id: string; name_key: string; name: string; document: string };
  identity_attachment: { entity_id: string; policy_arn: string; attached_at: number };
  identity_policy: PolicyRow;
  identity_policy_version: { arn: string; number: number; document: string; created_at: number };
  identity_access_key: AccessKeyRow;
  identity_key_use: { access_key_id: string; at: number; service: string; region: string };
}

export const identityMigrations: readonly Migration[] = [
  {
    number: 1,
    name: 'identities',
    statements: [
      `CREATE TABLE identity_entity (
        account_id TEXT NOT NULL, kind TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, tags TEXT NOT NULL, boundary TEXT,
        description TEXT NOT NULL, trust_policy TEXT, max_session_s INTEGER,
        PRIMARY KEY (account_id, kind, name_key))`,
      'CREATE TABLE identity_membership (user_id TEXT NOT NULL, group_id TEXT NOT NULL, PRIMARY KEY (user_id, group_id))',
      'CREATE INDEX identity_membership_group ON identity_membership (group_id)',
      `CREATE TABLE identity_inline_policy (
        entity_id TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (entity_id, name_key))`,
      `CREATE TABLE identity_attachment (
        entity_id TEXT NOT NULL, policy_arn TEXT NOT NULL, attached_at INTEGER NOT NULL,
        PRIMARY KEY (entity_id, policy_arn))`,
      'CREATE INDEX identity_attachment_policy ON identity_attachment (policy_arn)',
      `CREATE TABLE identity_policy (
        arn TEXT PRIMARY KEY, account_id TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE, description TEXT NOT NULL, default_version INTEGER NOT NULL,
        last_version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, tags TEXT NOT NULL,
        UNIQUE (account_id, name_key))`,
      `CREATE TABLE identity_policy_version (
        arn TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, created_at INTEGER NOT NULL,
        PRIMARY KEY (arn, number))`,
      `CREATE TABLE identity_access_key (
        access_key_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, owner_id TEXT NOT NULL, sealed BLOB NOT NULL,
        status TEXT NOT NULL, created_at INTEGER NOT NULL)`,
      'CREATE INDEX identity_access_key_owner ON identity_access_key (owner_id)',
    ],
  },
  {
    number: 2,
    name: 'last use of keys',
    statements: [
      `CREATE TABLE identity_key_use (
        access_key_id TEXT PRIMARY KEY, at INTEGER NOT NULL, service TEXT NOT NULL, region TEXT NOT NULL)`,
    ],
  },
  {
    number: 3,
    name: 'accounts',
    statements: [
      `CREATE TABLE identity_account (
        account_id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL)`,
    ],
  },
];
