import { isLochError } from '../../core/errors.ts';
import type { ParsedSelect } from './request.ts';
import { selectError } from './select-error.ts';

/** What went wrong inside the engine, under S3's name for it; other failures stay what they are. */
export function engineFailure(error: unknown, request: Pick<ParsedSelect, 'parquet' | 'json'>): unknown {
  if (!isLochError(error, 'statement_failed', 'type_mismatch', 'syntax_error')) return error;
  const { message } = error;
  if (request.parquet !== undefined) {
    return selectError('ParquetParsingError', `Encountered an error parsing the Parquet file: ${message}`);
  }
  if (request.json !== undefined && /malformed|json|unexpected/i.test(message) && !/could not convert/i.test(message))
    return selectError('JSONParsingError', `Encountered an error parsing the JSON file: ${message}`);
  if (/csv|quote/i.test(message) && !/could not convert/i.test(message)) {
    return selectError('CSVParsingError', `Encountered an error parsing the CSV file: ${message}`);
  }
  if (/utf-?8|unicode/i.test(message))
    return selectError('InvalidTextEncoding', `UTF-8 encoding is required: ${message}`);
  return selectError(
    'CastFailed',
    `Attempt to convert from one data type to another failed in the SQL expression: ${message}`,
  );
}
