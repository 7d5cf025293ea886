import { LochError } from '../../core/errors.ts';
import { bodyObject, type IcebergAnswer, type IcebergRequest, tableOf } from './request.ts';

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  'scan-report': [
    'table-name',
    'snapshot-id',
    'filter',
    'schema-id',
    'projected-field-ids',
    'projected-field-names',
    'metrics',
  ],
  'commit-report': ['table-name', 'snapshot-id', 'sequence-number', 'operation', 'metrics'],
};

/** Takes an engine's report of a scan or commit: an event, with what it read or wrote. **Errors**: `invalid_argument`. */
export async function reportMetrics(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const kind = String(body['report-type']);
  const members = Object.hasOwn(MEMBERS, kind) ? MEMBERS[kind] : undefined;
  if (members === undefined) {
    throw new LochError(
      'invalid_argument',
      `The report type \`${kind}\` is not known. Known: ${Object.keys(MEMBERS).join(', ')}.`,
    );
  }
  const missing = members.filter((member) => body[member] === undefined);
  if (missing.length > 0 || typeof body.metrics !== 'object' || body.metrics === null) {
    throw new LochError('invalid_argument', `A ${kind} needs ${missing.join(', ') || 'metrics as an object'}.`);
  }
  const name = tableOf(request);
  // Whoever may not see the table reports nothing about it.
  await request.catalog.openForEngine(request.context, name);
  request.events.publish({
    name: 'catalogReportReceived',
    payload: {
      ...name,
      kind: kind === 'scan-report' ? 'scan' : 'commit',
      snapshotId: String(body['snapshot-id']),
      principal: request.context.principal.arn,
      engine: request.context.userAgent.slice(0, 200),
      files: counter(body.metrics, kind === 'scan-report' ? 'result-data-files' : 'added-data-files'),
      bytes: counter(body.metrics, kind === 'scan-report' ? 'total-file-size-in-bytes' : 'added-files-size-bytes'),
    },
  });
  return { status: 204 };
}

function counter(metrics: object, name: string): number {
  const value = ((metrics as Record<string, unknown>)[name] as { readonly value?: unknown } | undefined)?.value;
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
