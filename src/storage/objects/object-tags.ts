import { LochError } from '../../core/errors.ts';

const MAX_TAGS = 10;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** **Errors**: `invalid_tag`. **Source**: S3 User Guide, "Categorizing your storage using tags". */
export function assertObjectTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) {
    throw invalidTag(`An object has at most ${MAX_TAGS} tags; these are ${entries.length}.`);
  }
  for (const [key, value] of entries) {
    if (key === '' || key.length > MAX_KEY) {
      throw invalidTag(`The key of a tag has 1 to ${MAX_KEY} characters; \`${key}\` has ${key.length}.`);
    }
    if (key.startsWith('aws:'))
      throw invalidTag(`The key \`${key}\` of a tag begins with \`aws:\`, which is reserved.`);
    if (value.length > MAX_VALUE) {
      throw invalidTag(`The value of the tag \`${key}\` has ${value.length} characters; ${MAX_VALUE} is the most.`);
    }
  }
}

const invalidTag = (message: string) => new LochError('invalid_tag', message);
