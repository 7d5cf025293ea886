import { LochError } from '../../core/errors.ts';

/** The error of a value with the wrong type. */
export function wrongType(path: string, expected: string, found: string): LochError {
  const name = path === '' ? 'The request body' : `\`${path}\``;
  return new LochError('malformed_request', `${name} must be ${expected}, not ${found}.`, {
    context: { member: path, expected },
  });
}

/** The error of a required member that is not there. */
export function missingMember(path: string): LochError {
  return new LochError('missing_argument', `\`${path}\` is required and missing.`, { context: { member: path } });
}
