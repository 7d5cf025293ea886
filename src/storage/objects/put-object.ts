import { LochError } from '../../core/errors.ts';
import type { ObjectAccess, ObjectName } from '../contract.ts';
import { authorizeRead, authorizeWrite, type ObjectDeps, recorded } from './authorize.ts';

const MAX_KEY_BYTES = 1024;

/** **Errors**: `invalid_argument` for keys that are empty or longer than 1,024 bytes of UTF-8. */
export function assertKey(name: ObjectName): void {
  const bytes = Buffer.byteLength(name.key);
  if (bytes >= 1 && bytes <= MAX_KEY_BYTES) return;
  throw new LochError('invalid_argument', `A key has 1 to ${MAX_KEY_BYTES} bytes of UTF-8; this one has ${bytes}.`, {
    context: { argument: 'key', limit: MAX_KEY_BYTES, found: bytes },
  });
}

type Writes = Pick<ObjectAccess, 'putObject' | 'copyObject'>;

/** Writing an object from a body or from another object. */
export function writeUseCases(deps: ObjectDeps): Writes {
  return {
    putObject: (context, target, body, options) =>
      recorded(
        deps,
        context,
        'PutObject',
        target,
        async () => {
          assertKey(target);
          await authorizeWrite(deps, context, target, 's3:PutObject');
          return deps.objects.put(target.bucket, target.key, body, { operation: 'PutObject', ...options });
        },
        (head) => head.size,
      ),
    copyObject: (context, from, to, options) =>
      recorded(
        deps,
        context,
        'CopyObject',
        to,
        async () => {
          assertKey(to);
          await authorizeRead(deps, context, from);
          await authorizeWrite(deps, context, to, 's3:PutObject');
          return deps.objects.copy(from, to, { operation: 'CopyObject', ...options });
        },
        (head) => head.size,
      ),
  };
}
