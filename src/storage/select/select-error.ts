import { LochError } from '../../core/errors.ts';

/** A failure of S3 Select under S3's own name for it. **Source**: S3 API Reference, "List of SELECT Object Content error codes". */
export function selectError(name: string, message: string, context: Record<string, string | number> = {}): LochError {
  return new LochError('invalid_argument', message, { context: { ...context, s3_code: name } });
}
