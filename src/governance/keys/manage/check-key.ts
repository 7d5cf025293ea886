import { keyFailure } from '../contract.ts';
import { KEY_QUOTAS } from '../key-deps.ts';
import type { KeyDeps } from '../key-deps.ts';
import type { KnownKey } from '../key-ring.ts';

const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** **Errors**: `TagException`. */
export function checkKeyTags(tags: Readonly<Record<string, string>>): void {
  const names = Object.keys(tags);
  if (names.length > KEY_QUOTAS.tags) throw keyFailure('TagException', `A key has at most ${KEY_QUOTAS.tags} tags.`);
  for (const [name, value] of Object.entries(tags)) {
    if (
      name === '' ||
      name.length > 128 ||
      value.length > 256 ||
      !TAG.test(name) ||
      !TAG.test(value) ||
      /^aws:/i.test(name)
    ) {
      throw keyFailure(
        'TagException',
        `The tag \`${name.slice(0, 200)}\` must have a key of 1 to 128 and a value of up to 256 letters, digits, spaces and _.:/=+-@, and must not begin with aws:.`,
      );
    }
  }
}

/** **Errors**: `ValidationException`. */
export function checkDescription(text: string): void {
  if (text.length > 8192)
    throw keyFailure('ValidationException', `Description has ${text.length} characters; the limit is 8192.`);
}

/** What a service of the lake made, nobody changes. **Errors**: `access_denied`. */
export function assertCustomerKey(key: KnownKey): void {
  if (key.info.manager === 'CUSTOMER') return;
  throw keyFailure(
    'UnsupportedOperationException',
    `${key.info.arn} is managed by the lake and cannot be changed. Make your own key.`,
  );
}

/** **Errors**: `KMSInvalidStateException` for a key that waits for its deletion. */
export function assertNotDeleting(deps: Pick<KeyDeps, 'ring'>, key: KnownKey): void {
  if (deps.ring.stateOf(key) !== 'PendingDeletion') return;
  throw keyFailure('KMSInvalidStateException', `${key.info.arn} is pending deletion.`, {
    context: { key: key.info.arn },
  });
}
