import { LochError } from '../../../core/errors.ts';
import { s3Failure } from '../errors.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';

const MAX_KEY = 128;
const MAX_VALUE = 256;

/**
 * The tags of a `Tagging` document, at most `limit`. **Errors**: `malformed_request`; `invalid_argument` (InvalidTag).
 * **Source**: S3 User Guide, "Categorizing your storage using tags".
 */
export function readTagSet(document: XmlElement, limit: number): Record<string, string> {
  const set = document.children.find(({ name }) => name === 'TagSet');
  if (document.name !== 'Tagging' || set === undefined) {
    throw new LochError('malformed_request', 'The document must be a Tagging with a TagSet.');
  }
  const pairs = set.children.map((tag): readonly [string, string] => {
    const key = childText(tag, 'Key');
    const value = childText(tag, 'Value');
    if (tag.name === 'Tag' && key !== undefined && value !== undefined) return [key, value];
    throw new LochError('malformed_request', 'A TagSet holds Tag elements, each with Key and Value.');
  });
  return checkTags(pairs, limit);
}

/** **Errors**: as `readTagSet`. */
export function checkTags(pairs: readonly (readonly [string, string])[], limit: number): Record<string, string> {
  if (pairs.length > limit) {
    throw invalidTag(`There are ${pairs.length} tags; ${limit} is the most.`);
  }
  const tags = new Map<string, string>();
  for (const [key, value] of pairs) {
    if (key === '' || key.length > MAX_KEY || key.startsWith('aws:')) {
      throw invalidTag(`The tag key \`${key}\` is invalid: 1 to ${MAX_KEY} characters, not beginning with \`aws:\`.`);
    }
    if (value.length > MAX_VALUE) throw invalidTag(`The value of the tag \`${key}\` is longer than ${MAX_VALUE}.`);
    if (tags.has(key)) throw invalidTag(`The tag key \`${key}\` stands twice.`);
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}

const invalidTag = (message: string) => s3Failure('InvalidTag', 'invalid_argument', message);

/** Tags as the content of a `Tagging` document, by key: clients compare them in that order. */
export function tagSetRecord(tags: Readonly<Record<string, string>>): XmlRecord {
  const ordered = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return { TagSet: { Tag: ordered.map(([Key, Value]) => ({ Key, Value })) } };
}
