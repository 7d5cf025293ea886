/** Failures as Athena numbers them. **Source**: Athena user guide, "AthenaError"; CON-QRY-08. */
import type { ErrorCode, LochError } from '../../core/errors.ts';
import type { QueryExecution } from '../contract.ts';

interface Numbered {
  /** 1 system, 2 user, 3 other. */
  readonly category: 1 | 2 | 3;
  readonly type: number;
  /** The word that begins the reason. */
  readonly word: string;
}

const NUMBERS: Partial<Record<ErrorCode, Numbered>> = {
  syntax_error: { category: 2, type: 1006, word: 'SYNTAX_ERROR' },
  column_not_found: { category: 2, type: 1004, word: 'COLUMN_NOT_FOUND' },
  type_mismatch: { category: 2, type: 1004, word: 'TYPE_MISMATCH' },
  table_not_found: { category: 2, type: 1110, word: 'TABLE_NOT_FOUND' },
  database_not_found: { category: 2, type: 1110, word: 'SCHEMA_NOT_FOUND' },
  partition_not_found: { category: 2, type: 1110, word: 'PARTITION_NOT_FOUND' },
  object_not_found: { category: 2, type: 1110, word: 'FILE_NOT_FOUND' },
  not_found: { category: 2, type: 1110, word: 'NOT_FOUND' },
  access_denied: { category: 2, type: 1500, word: 'PERMISSION_DENIED' },
  timeout: { category: 2, type: 206, word: 'EXCEEDED_TIME_LIMIT' },
  resource_exhausted: { category: 1, type: 0, word: 'EXCEEDED_MEMORY_LIMIT' },
  commit_conflict: { category: 2, type: 1000, word: 'ICEBERG_COMMIT_ERROR' },
  already_exists: { category: 2, type: 1000, word: 'ALREADY_EXISTS' },
  disk_full: { category: 1, type: 1, word: 'INSUFFICIENT_RESOURCES' },
  unavailable: { category: 1, type: 2, word: 'ENGINE_UNAVAILABLE' },
  throttled: { category: 1, type: 1400, word: 'QUERY_QUEUE_FULL' },
  statement_cancelled: { category: 2, type: 1011, word: 'USER_CANCELED' },
  unsupported: { category: 2, type: 1200, word: 'NOT_SUPPORTED' },
  statement_refused: { category: 2, type: 1200, word: 'NOT_SUPPORTED' },
  data_corrupt: { category: 1, type: 233, word: 'BAD_DATA' },
};

/** `error` as part of a failed query, with the reason its readers see. */
export function athenaError(error: LochError): {
  readonly error: NonNullable<QueryExecution['error']>;
  readonly reason: string;
} {
  const numbered = numbersOf(error);
  const reason = `${numbered.word}: ${error.message}`;
  return {
    error: { category: numbered.category, type: numbered.type, retryable: error.retryable, message: reason },
    reason,
  };
}

function numbersOf(error: LochError): Numbered {
  const { errorName, errorType } = error.context;
  if (typeof errorName === 'string') {
    return { category: 2, type: typeof errorType === 'number' ? errorType : 1000, word: errorName };
  }
  if (error.code === 'statement_refused' && error.context.function !== undefined) {
    return { category: 2, type: 1303, word: 'FUNCTION_NOT_FOUND' };
  }
  const known = NUMBERS[error.code];
  if (known !== undefined) return known;
  if (error.kind === 'internal') return { category: 1, type: 233, word: 'INTERNAL_ERROR' };
  return { category: 2, type: 1000, word: 'GENERIC_USER_ERROR' };
}
