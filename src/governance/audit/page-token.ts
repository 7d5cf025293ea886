import { hash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';

/** A page token: where the next page begins, bound to the question it belongs to. */
export function pageToken(sequence: number, question: unknown): string {
  return Buffer.from(JSON.stringify([sequence, fingerprint(question)])).toString('base64url');
}

/** The position in a token made for the same question. **Errors**: `invalid_argument`. */
export function readPageToken(token: string, question: unknown): number {
  try {
    const [sequence, mark] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [unknown, unknown];
    if (Number.isSafeInteger(sequence) && mark === fingerprint(question)) return sequence as number;
  } catch {
    // Not JSON: refused below like any other foreign token.
  }
  throw new LochError(
    'invalid_argument',
    'The NextToken does not belong to this question. Send the token of the page before, with the same parameters.',
    { context: { argument: 'NextToken' } },
  );
}

function fingerprint(question: unknown): string {
  return hash('sha256', JSON.stringify(question), 'hex').slice(0, 16);
}
