import type { RequestContext } from '../../core/caller.ts';
import type { AttributeChange, AttributeChanging, AttributeReading, ObjectAccess, ObjectName } from '../contract.ts';
import { assertVersionId } from '../stores/names.ts';
import { authorizeRead, authorizeWrite, mayBypassGovernance, missingOrHidden } from './authorize.ts';
import { assertStorageClass, type PlaceName } from '../tiers/storage-classes.ts';
import type { ObjectDeps } from './object-deps.ts';
import { assertObjectTags } from './object-tags.ts';
import { recorded } from './record.ts';

const HOT_ONLY: ReadonlySet<PlaceName> = new Set(['hot']);

type Action = `s3:${string}`;

/** The IAM action on the current version, and on a version that is named. **Source**: Service Authorization Reference. */
const ACTIONS: Readonly<Record<AttributeReading | AttributeChanging, readonly [current: Action, named: Action]>> = {
  GetObjectTagging: ['s3:GetObjectTagging', 's3:GetObjectVersionTagging'],
  PutObjectTagging: ['s3:PutObjectTagging', 's3:PutObjectVersionTagging'],
  DeleteObjectTagging: ['s3:DeleteObjectTagging', 's3:DeleteObjectVersionTagging'],
  GetObjectRetention: ['s3:GetObjectRetention', 's3:GetObjectRetention'],
  PutObjectRetention: ['s3:PutObjectRetention', 's3:PutObjectRetention'],
  GetObjectLegalHold: ['s3:GetObjectLegalHold', 's3:GetObjectLegalHold'],
  PutObjectLegalHold: ['s3:PutObjectLegalHold', 's3:PutObjectLegalHold'],
  GetObjectAttributes: ['s3:GetObjectAttributes', 's3:GetObjectVersionAttributes'],
};

const actionOf = (operation: keyof typeof ACTIONS, versionId: string | undefined): Action =>
  ACTIONS[operation][versionId === undefined ? 0 : 1];

/** Tells of an attribute of a version. Attributes need what reading the object needs as well. */
export function readAttributes(deps: ObjectDeps): ObjectAccess['readAttributes'] {
  return (context, operation, name, options = {}) =>
    recorded(deps, context, operation, name, async () => {
      const { bucket, key, versionId } = name;
      const secret = operation === 'GetObjectAttributes' ? options : { keyNotNeeded: true };
      if (versionId !== undefined) assertVersionId(versionId);
      if (operation === 'GetObjectAttributes') {
        await authorizeRead(deps, context, name, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion');
      }
      await authorizeRead(deps, context, name, actionOf(operation, versionId));
      try {
        return await deps.objects.head(bucket, key, { ...secret, ...(versionId === undefined ? {} : { versionId }) });
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
}

/** Changes an attribute of a version. */
export function changeAttributes(deps: ObjectDeps): ObjectAccess['changeAttributes'] {
  return (context, operation, name, change, options = {}) =>
    recorded(deps, context, operation, name, async () => {
      if (name.versionId !== undefined) assertVersionId(name.versionId);
      if (change.tags != null) assertObjectTags(change.tags);
      await authorizeWrite(deps, context, name, actionOf(operation, name.versionId), tagConditions(change.tags));
      const bypassGovernance = options.bypassGovernance === true && (await mayBypassGovernance(deps, context, name));
      try {
        return await deps.objects.updateAttributes(name, change, { operation, bypassGovernance });
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
}

/** The parts of a multipart object, for who may read its attributes. */
export function objectParts(deps: ObjectDeps): ObjectAccess['objectParts'] {
  return async (context, name, options) => {
    await authorizeRead(deps, context, name, actionOf('GetObjectAttributes', name.versionId));
    return deps.objects.objectParts(name, options);
  };
}

/** Requires what attributes given with a write need beside the write. **Errors**: `access_denied`, `invalid_tag`. */
export async function authorizeAttributes(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  attributes: AttributeChange | undefined,
): Promise<void> {
  if (attributes === undefined) return;
  const { tags, retention, legalHold, storageClass } = attributes;
  if (storageClass != null) assertStorageClass(storageClass, deps.objects.tiers?.places ?? HOT_ONLY);
  if (tags != null) {
    assertObjectTags(tags);
    await authorizeWrite(deps, context, name, 's3:PutObjectTagging', tagConditions(tags));
  }
  if (retention != null) await authorizeWrite(deps, context, name, 's3:PutObjectRetention');
  if (legalHold != null) await authorizeWrite(deps, context, name, 's3:PutObjectLegalHold');
}

/** The condition keys that tell of the tags a request gives. */
export function tagConditions(
  tags: Readonly<Record<string, string>> | null | undefined,
): Readonly<Record<string, string | readonly string[]>> {
  if (tags == null) return {};
  const keys = Object.keys(tags);
  return {
    's3:RequestObjectTagKeys': keys,
    ...Object.fromEntries(keys.map((key) => [`s3:RequestObjectTag/${key}`, tags[key]!])),
  };
}
