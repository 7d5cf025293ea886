import { LochError } from '../../core/errors.ts';
import type { Queries, ResultPage } from '../contract.ts';
import { ownExecution } from './access.ts';
import type { ExecutionDeps } from './deps.ts';
import type { ResultFile } from './records.ts';
import { readCsvRows } from './result-csv.ts';

const MAX_ROWS = 1_000;
const PIECE_BYTES = 1024 * 1024;
/** A page may need so much of the file: rows of 32 MiB are the largest that are read. */
const MAX_PIECE_BYTES = 256 * 1024 * 1024;

/** A page of a query's rows, straight from its result file. **Errors**: `invalid_argument` while there is no result. */
export const queryResults =
  (deps: ExecutionDeps): Queries['results'] =>
  async (context, id, options = {}) => {
    const record = await ownExecution(deps, context, id, 'athena:GetQueryResults');
    const { state, stateReason } = record.execution;
    if (state !== 'SUCCEEDED') {
      const why = state === 'FAILED' || state === 'CANCELLED' ? ` (${stateReason ?? 'no reason'})` : '';
      throw new LochError('invalid_argument', `Query has not yet finished. Current state: ${state}${why}`, {
        context: { queryId: id, state },
      });
    }
    if (record.result === undefined) {
      throw new LochError('invalid_argument', `The result of query ${id} was removed: results are kept for 30 days.`, {
        context: { queryId: id },
      });
    }
    if (record.result.form === 'manifest') {
      return { columns: record.columns, rows: [], updateCount: record.execution.rowCount ?? 0 };
    }
    const limit = Math.min(MAX_ROWS, Math.max(1, options.limit ?? MAX_ROWS));
    const offset = options.next === undefined ? 0 : offsetOf(options.next, id);
    const page = await readPage(deps, record.result, offset, limit);
    return {
      columns: record.columns,
      rows: page.rows,
      ...(page.end === undefined ? {} : { next: tokenOf(page.end, id) }),
    };
  };

/** A token says where the next row begins, for this query only. */
const tokenOf = (offset: number, id: string) => Buffer.from(`${offset}:${id}`, 'utf8').toString('base64url');

function offsetOf(token: string, id: string): number {
  const [, offset, of] = /^(\d{1,15}):(.*)$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? [];
  if (of !== id) throw new LochError('invalid_argument', 'The page token does not belong to this query.');
  return Number(offset);
}

interface Page {
  readonly rows: ResultPage['rows'];
  /** Where the next page begins; undefined on the last. */
  readonly end: number | undefined;
}

async function readPage(deps: ExecutionDeps, file: ResultFile, offset: number, limit: number): Promise<Page> {
  const { size } = await deps.objects.head(file.bucket, file.key);
  const skipped = file.form === 'csv' && offset === 0 ? 1 : 0;
  for (let length = PIECE_BYTES; ; length *= 4) {
    if (offset >= size) return { rows: [], end: undefined };
    const bytes = await readRange(deps, file, offset, Math.min(size, offset + length) - 1);
    const read =
      file.form === 'csv' ? readCsvRows(bytes, limit + skipped) : readLines(bytes, limit, offset + length >= size);
    const whole = offset + length >= size;
    if (read.rows.length === limit + skipped || whole) {
      const end = offset + read.bytes;
      return { rows: read.rows.slice(skipped), end: end < size ? end : undefined };
    }
    if (length >= MAX_PIECE_BYTES) {
      return { rows: read.rows.slice(skipped), end: offset + read.bytes };
    }
  }
}

async function readRange(deps: ExecutionDeps, file: ResultFile, first: number, last: number): Promise<Buffer> {
  const { body } = await deps.objects.get(file.bucket, file.key, { range: { first, last } });
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function readLines(bytes: Buffer, limit: number, whole: boolean) {
  const text = bytes.toString('utf8');
  const lines = text.split('\n');
  const complete = whole && !text.endsWith('\n') ? lines : lines.slice(0, -1);
  const taken = complete.slice(0, limit);
  return {
    rows: taken.map((line) => line.split('\t')),
    bytes: Math.min(bytes.length, Buffer.byteLength(taken.map((line) => `${line}\n`).join(''), 'utf8')),
  };
}
