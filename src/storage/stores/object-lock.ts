/**
 * The rules of object lock, for every store. **Source**: Amazon S3 User Guide, "How S3 Object Lock works".
 */
import { LochError } from '../../core/errors.ts';
import type { AttributeChange, ObjectAttributes, ObjectName, ObjectRetention } from '../contract.ts';

interface Asking {
  readonly now: number;
  readonly bypassGovernance?: boolean;
}

const isActive = (retention: ObjectRetention | undefined, now: number): retention is ObjectRetention =>
  retention !== undefined && retention.until > now;

/** **Errors**: `access_denied` when a version with these attributes may not be removed. */
export function assertRemovable(name: ObjectName, attributes: ObjectAttributes, asking: Asking): void {
  const { retention, legalHold } = attributes;
  if (legalHold === true) throw locked(name, 'it is under legal hold. Release the hold first');
  if (!isActive(retention, asking.now)) return;
  const until = new Date(retention.until).toISOString();
  if (retention.mode === 'COMPLIANCE') throw locked(name, `it is kept until ${until} under COMPLIANCE`);
  if (asking.bypassGovernance === true) return;
  throw locked(
    name,
    `it is kept until ${until} under GOVERNANCE. Holders of s3:BypassGovernanceRetention may ask to bypass it`,
  );
}

/** The attributes after `change`. **Errors**: `access_denied` when it lifts a lock that still holds. */
export function changedAttributes(
  name: ObjectName,
  before: ObjectAttributes,
  change: AttributeChange,
  asking: Asking,
): ObjectAttributes {
  if ('retention' in change) assertRetentionChange(name, before.retention, change.retention ?? undefined, asking);
  const after: Record<string, unknown> = { ...before };
  for (const [member, value] of Object.entries(change)) {
    if (value === undefined) continue;
    if (value === null) delete after[member];
    else after[member] = value;
  }
  return after as ObjectAttributes;
}

function assertRetentionChange(
  name: ObjectName,
  before: ObjectRetention | undefined,
  after: ObjectRetention | undefined,
  asking: Asking,
): void {
  if (!isActive(before, asking.now)) return;
  const kept = after !== undefined && after.until >= before.until && after.mode === before.mode;
  if (kept || (before.mode === 'GOVERNANCE' && asking.bypassGovernance === true)) return;
  throw locked(
    name,
    `its retention under ${before.mode} until ${new Date(before.until).toISOString()} may be extended, not shortened`,
  );
}

function locked(name: ObjectName, why: string): LochError {
  return new LochError('access_denied', `The object \`${name.key}\` is protected by object lock: ${why}.`, {
    context: { bucket: name.bucket, key: name.key },
  });
}

/** **Errors**: `object_lock_missing` when attributes ask for a lock in a bucket that has none. */
export function assertLockable(bucket: string, hasLock: boolean, attributes: AttributeChange | undefined): void {
  if (hasLock || attributes === undefined) return;
  if (attributes.retention === undefined && attributes.legalHold === undefined) return;
  throw new LochError('object_lock_missing', `Bucket is missing Object Lock Configuration: \`${bucket}\`.`, {
    context: { bucket },
  });
}
