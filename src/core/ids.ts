import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** A random UUID (version 4), the id of requests, runs, queries and tables. */
export function newId(): string {
  return randomUUID();
}

/** An Iceberg snapshot id: a positive 63-bit integer. **Source**: Iceberg specification, "Snapshots". */
export function newSnapshotId(): bigint {
  return randomBytes(8).readBigUInt64BE() >> 1n;
}

const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An AWS-shaped unique id: `prefix` (`AKIA` access key, `AIDA` user, `ANPA` policy …) and 16 characters of base 32. */
export function newUniqueId(prefix: string): string {
  let id = prefix;
  for (let i = 0; i < 16; i++) id += KEY_ALPHABET[randomInt(32)];
  return id;
}

/** A secret access key: 40 characters of base 64 (240 random bits). */
export function newSecretKey(): string {
  return randomBytes(30).toString('base64');
}
