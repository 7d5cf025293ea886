/** How another Loch says which version a write replicates: `x-loch-replica: VERSION;MILLISECONDS`. */
import { LochError } from '../../core/errors.ts';
import type { PutOptions } from '../../storage/contract.ts';
import { header, type S3Request } from './request.ts';

const NAME = 'x-loch-replica';

/** **Errors**: `invalid_argument`. */
export function replicaOf(request: S3Request): Pick<PutOptions, 'replica'> {
  const text = header(request, NAME);
  if (text === undefined) return {};
  const [, versionId, at] = /^([0-9a-f]{32});(\d{1,15})$/.exec(text) ?? [];
  if (versionId === undefined) {
    throw new LochError('invalid_argument', `\`${NAME}\` is \`${text}\`, not VERSION;MILLISECONDS.`, {
      context: { argument_name: NAME, argument_value: text },
    });
  }
  return { replica: { versionId, modifiedAt: Number(at) } };
}
