import { LochError } from '../../core/errors.ts';

export const MAX_RECORDS = 500;
export const MAX_BATCH_BYTES = 4 << 20;
export const MAX_RECORD_BYTES = 1000 << 10;

/** Throws `invalid_argument` naming the limit that a batch exceeds. **Source**: Firehose, "Quotas". */
export function checkRecords(records: readonly Uint8Array[]): void {
  const refuse = (what: string, limit: number, found: number) => {
    throw new LochError('invalid_argument', `${what}: at most ${limit}, found ${found}. Send less at once.`, {
      context: { limit, found },
    });
  };
  if (records.length === 0) throw new LochError('invalid_argument', 'A batch holds at least one record.');
  if (records.length > MAX_RECORDS) refuse('Records in a batch', MAX_RECORDS, records.length);
  let bytes = 0;
  for (const record of records) {
    if (record.length > MAX_RECORD_BYTES) refuse('Bytes of a record', MAX_RECORD_BYTES, record.length);
    bytes += record.length;
  }
  if (bytes > MAX_BATCH_BYTES) refuse('Bytes of a batch', MAX_BATCH_BYTES, bytes);
}
