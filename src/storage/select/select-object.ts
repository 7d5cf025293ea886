/**
 * SelectObjectContent: one statement over one object, in the engine's box, where no other file can be reached.
 *
 * Invariants
 * - Whoever may not read the object reads nothing of it by a statement; the files of a governed table are refused as
 *   GetObject refuses them.
 * - Of the statement only the tree that we parsed is made into SQL.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { sqlString } from '../../core/sql-text.ts';
import type { ObjectAccess, VersionName } from '../contract.ts';
import { authorizeRead, missingOrHidden } from '../objects/authorize.ts';
import type { ObjectDeps, SelectParts } from '../objects/object-deps.ts';
import { dataEvent, failureRecorded } from '../objects/record.ts';
import { type CompiledSelect, compileSelect } from './compile-select.ts';
import { parseSelect } from './parse-select.ts';
import { type ParsedSelect, parseSelectInput } from './request.ts';
import { engineFailure } from './engine-failure.ts';
import { cutScanRange, firstRecord } from './scan-file.ts';
import { selectError } from './select-error.ts';
import type { SelectSource } from './source-columns.ts';
import type { SelectStatement } from './syntax.ts';
import { writeRecords } from './write-records.ts';

type SelectDeps = ObjectDeps & { readonly select: SelectParts };

/** What a client hears, in order: records as they come, then what it cost. **Units**: bytes. */
export type SelectEvent =
  | { readonly kind: 'records'; readonly bytes: Buffer }
  | {
      readonly kind: 'progress' | 'stats';
      readonly scanned: number;
      readonly processed: number;
      readonly returned: number;
    };

const MAX_SQL_COLUMNS = 10_000;

/** The use-case. */
export function selectObject(given: ObjectDeps): ObjectAccess['selectObject'] {
  const { select } = given;
  if (select === undefined) {
    return async () => {
      throw new LochError('unsupported', 'SelectObjectContent needs an engine, and this store was opened without one.');
    };
  }
  const deps: SelectDeps = { ...given, select };
  return async (context, name, input) => {
    const directory = join(select.workDirectory, randomUUID());
    const tidy = () => rm(directory, { recursive: true, force: true });
    try {
      return await failureRecorded(deps, context, 'SelectObjectContent', name, async () => {
        const request = parseSelectInput(input);
        const statement = parseSelect(request.expression);
        if (request.compression === 'BZIP2') {
          throw new LochError('unsupported', 'The engine does not read bzip2. Store the object as gzip or plain.', {
            context: { compression: 'BZIP2' },
          });
        }
        await authorizeRead(deps, context, name);
        const staged = await stage(deps, context, name, request, directory);
        const compiled = await compile(deps, context, request, statement, staged.path);
        const result = join(directory, 'result.json');
        await run(deps, context, request, compiled, staged.path, result);
        await deps.audit.recordData(context, [dataEvent('SelectObjectContent', name, { bytes: staged.bytes })]);
        return events(request, compiled, { result, bytes: staged.bytes, tidy });
      });
    } catch (error) {
      await tidy();
      throw error;
    }
  };
}

async function stage(
  deps: SelectDeps,
  context: RequestContext,
  name: VersionName,
  request: ParsedSelect,
  directory: string,
): Promise<{ readonly path: string; readonly bytes: number }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let opened: string;
  try {
    [opened = ''] = [...(await deps.objects.openFiles([name], directory, undefined, { caller: context }))];
  } catch (error) {
    throw await missingOrHidden(deps, context, name, error);
  }
  const { size } = await stat(opened);
  if (request.scanRange === undefined) return { path: opened, bytes: size };
  const { start, end } = request.scanRange;
  // Only an end: that many last bytes.
  const first = start ?? Math.max(0, size - end!);
  const last = start === undefined ? size - 1 : Math.min(end ?? size - 1, size - 1);
  const path = join(directory, 'range');
  const header = request.csv !== undefined && request.csv.fileHeaderInfo !== 'NONE';
  await cutScanRange(opened, path, { first, last, header });
  return { path, bytes: Math.max(0, last - first + 1) };
}

async function compile(
  deps: SelectDeps,
  context: RequestContext,
  request: ParsedSelect,
  statement: SelectStatement,
  path: string,
): Promise<CompiledSelect> {
  const gzip = request.compression === 'GZIP';
  const { csv, json, output } = request;
  const shared = { statement, path, gzip, output: output.kind, now: deps.select.clock.now() } as const;
  if (csv !== undefined) {
    if (!['\n', '\r\n'].includes(csv.recordDelimiter)) {
      throw new LochError(
        'unsupported',
        'The engine reads records that end in \\n or \\r\\n; RecordDelimiter of the input is another.',
        { context: { recordDelimiter: csv.recordDelimiter } },
      );
    }
    const fields = await firstRecord(path, gzip, csv);
    const columns = Math.max(1, fields.length);
    if (columns > MAX_SQL_COLUMNS) {
      throw selectError('OverMaxColumn', `The number of columns (${columns}) is greater than ${MAX_SQL_COLUMNS}.`);
    }
    const named = csv.fileHeaderInfo === 'USE';
    const source: SelectSource = { kind: 'csv', columns, ...(named ? { names: fields } : {}) };
    return compileSelect({ ...shared, source, csv: { ...csv, header: csv.fileHeaderInfo !== 'NONE' } });
  }
  if (json !== undefined) {
    return compileSelect({ ...shared, source: { kind: 'json' }, json: { lines: json.type === 'LINES' } });
  }
  const described = await deps.select.engine
    .execute(
      {
        sql: `SELECT * FROM read_parquet([${sqlString(path)}], hive_partitioning=false) LIMIT 0`,
        inputs: [path],
        result: { kind: 'rows', maxRows: 1 },
        fairnessKey: context.principal.arn,
      },
      context.signal,
    )
    .catch((error: unknown) => {
      throw engineFailure(error, request);
    });
  return compileSelect({ ...shared, source: { kind: 'parquet', columns: described.columns } });
}

async function run(
  deps: SelectDeps,
  context: RequestContext,
  request: ParsedSelect,
  compiled: CompiledSelect,
  path: string,
  result: string,
): Promise<void> {
  try {
    await deps.select.engine.execute(
      { sql: compiled.sql, inputs: [path], result: { kind: 'json', path: result }, fairnessKey: context.principal.arn },
      context.signal,
    );
  } catch (error) {
    throw engineFailure(error, request);
  }
}

async function* events(
  request: ParsedSelect,
  compiled: CompiledSelect,
  work: { readonly result: string; readonly bytes: number; readonly tidy: () => Promise<void> },
): AsyncGenerator<SelectEvent, void, void> {
  const figures = { scanned: work.bytes, processed: work.bytes, returned: 0 };
  try {
    for await (const bytes of writeRecords(work.result, compiled.names, request.output)) {
      figures.returned += bytes.length;
      yield { kind: 'records', bytes };
      if (request.progress) yield { kind: 'progress', ...figures };
    }
    yield { kind: 'stats', ...figures };
  } finally {
    await work.tidy();
  }
}
