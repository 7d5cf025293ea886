/** Names, paths and tags as IAM takes them. **Source**: AWS IAM API Reference, "CreateUser", "CreatePolicy", "Tag". */
import { LochError } from '../../core/errors.ts';
import type { EntityKind, Tags } from './contract.ts';

const LENGTHS = { user: 64, group: 128, role: 64, policy: 128 } as const;

/** **Errors**: `invalid_argument`. */
export function checkName(kind: EntityKind | 'policy', name: string): void {
  const limit = LENGTHS[kind];
  if (!/^[\w+=,.@-]+$/.test(name) || name.length > limit) {
    throw new LochError(
      'invalid_argument',
      `The ${kind} name \`${name.slice(0, 200)}\` must be 1 to ${limit} characters of A-Z, a-z, 0-9 and _+=,.@-`,
      { context: { kind } },
    );
  }
}

/** **Errors**: `invalid_argument`. */
export function checkPath(path: string): void {
  if (!/^\/(?:[\x21-\x7e]+\/)?$/.test(path) || path.length > 512) {
    throw new LochError(
      'invalid_argument',
      `The path \`${path.slice(0, 600)}\` must begin and end with a slash and be at most 512 characters.`,
    );
  }
}

/** **Errors**: `invalid_argument`, `limit_exceeded`. */
export function checkTags(tags: Tags, limit: number): void {
  const names = Object.keys(tags);
  if (names.length > limit) {
    throw new LochError('limit_exceeded', `Cannot exceed the quota of ${limit} tags; these are ${names.length}.`);
  }
  const seen = new Set<string>();
  for (const name of names) {
    const value = tags[name]!;
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(name) || !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value)) {
      throw new LochError(
        'invalid_argument',
        `The tag \`${name}\` must have a key of 1 to 128 and a value of up to 256 letters, digits, spaces and _.:/=+-@`,
      );
    }
    if (seen.has(name.toLowerCase()))
      throw new LochError('invalid_argument', `The tag key \`${name}\` is given twice.`);
    seen.add(name.toLowerCase());
  }
}
