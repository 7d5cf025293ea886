/** Headers that say what may change of a version: its tags, its locks, its class. */
import { LochError } from '../../core/errors.ts';
import type { ObjectAttributes, ObjectHead, ObjectRetention } from '../../storage/contract.ts';
import { header, type S3Request } from './request.ts';
import { checkTags } from './settings/tag-set.ts';

export const MAX_OBJECT_TAGS = 10;
const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';

/** Attributes a write is told by its headers. **Errors**: `invalid_argument`. */
export function writtenAttributes(request: S3Request): ObjectAttributes | undefined {
  const tags = taggingHeader(request);
  const retention = retentionHeaders(request);
  const legalHold = legalHoldHeader(request);
  const asked = header(request, 'x-amz-storage-class');
  const storageClass = asked === 'STANDARD' ? undefined : asked;
  if ([tags, retention, legalHold, storageClass].every((value) => value === undefined)) return undefined;
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(retention === undefined ? {} : { retention }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

/** `x-amz-tagging`: tags as a query string. **Errors**: `invalid_argument` (InvalidTag). */
export function taggingHeader(request: S3Request): Record<string, string> | undefined {
  const text = header(request, 'x-amz-tagging');
  return text === undefined ? undefined : checkTags([...new URLSearchParams(text)], MAX_OBJECT_TAGS);
}

function retentionHeaders(request: S3Request): ObjectRetention | undefined {
  const mode = header(request, MODE);
  const until = header(request, UNTIL);
  if (mode === undefined && until === undefined) return undefined;
  if (mode === undefined || until === undefined) {
    throw invalid(mode === undefined ? MODE : UNTIL, '', `${UNTIL} and ${MODE} must both be supplied.`);
  }
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') {
    throw invalid(MODE, mode, 'Unknown wormMode directive. Known: GOVERNANCE, COMPLIANCE.');
  }
  return { mode, until: futureTime(request, UNTIL, until) };
}

/** **Errors**: `invalid_argument` for what is no time, or one that has passed. */
export function futureTime(request: S3Request, name: string, text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw invalid(name, text, 'The retain until date must be provided in ISO 8601 format.');
  if (at > request.context.startedAt) return at;
  throw invalid(name, text, 'The retain until date must be in the future!');
}

function legalHoldHeader(request: S3Request): boolean | undefined {
  const text = header(request, HOLD);
  if (text === undefined) return undefined;
  if (text === 'ON' || text === 'OFF') return text === 'ON';
  throw invalid(HOLD, text, 'Legal Hold must be either of ON or OFF.');
}

function invalid(name: string, value: string, message: string): LochError {
  return new LochError('invalid_argument', message, { context: { argument_name: name, argument_value: value } });
}

/** The attributes of an object as response headers. */
export function attributeHeaders({ attributes }: ObjectHead): Record<string, string | number> {
  const { tags, retention, legalHold, storageClass, accessTier, restore, replicationStatus } = attributes;
  const headers: Record<string, string | number> = {};
  if (tags !== undefined && Object.keys(tags).length > 0) headers['x-amz-tagging-count'] = Object.keys(tags).length;
  if (retention !== undefined) {
    headers[MODE] = retention.mode;
    headers[UNTIL] = new Date(retention.until).toISOString();
  }
  if (legalHold !== undefined) headers[HOLD] = legalHold ? 'ON' : 'OFF';
  if (storageClass !== undefined && storageClass !== 'STANDARD') headers['x-amz-storage-class'] = storageClass;
  if (replicationStatus !== undefined) headers['x-amz-replication-status'] = replicationStatus;
  if (accessTier?.includes('ARCHIVE_ACCESS')) headers['x-amz-archive-status'] = accessTier;
  if (restore?.ongoing === true) headers['x-amz-restore'] = 'ongoing-request="true"';
  else if (restore?.until !== undefined) {
    headers['x-amz-restore'] = `ongoing-request="false", expiry-date="${new Date(restore.until).toUTCString()}"`;
  }
  return headers;
}
