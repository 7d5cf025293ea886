import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { PreparedStatements } from '../contract.ts';
import type { ExecutionDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import type { PreparedCommand } from './prepared-statements.ts';
import type { ExecutionRecord } from './records.ts';

/** PREPARE and DEALLOCATE PREPARE as executions; EXECUTE became its statement when it was started. */
export async function producePrepared(
  deps: ExecutionDeps,
  prepared: PreparedStatements,
  context: RequestContext,
  record: ExecutionRecord,
  command: PreparedCommand,
): Promise<Outcome> {
  const startedAt = performance.now();
  const { workgroup, outputLocation } = record.execution;
  if (command.kind === 'execute') throw new LochError('unsupported', 'A prepared statement cannot be EXECUTE.');
  if (command.kind === 'deallocate') await prepared.delete(context, command.name, workgroup);
  else await prepared.put(context, { ...command, workgroup, mode: 'either' });
  const { bucket, key } = parseS3Uri(outputLocation);
  await deps.objects.put(bucket, key, Buffer.alloc(0), { contentType: 'text/plain', operation: 'QueryResult' });
  return {
    columns: [],
    result: { bucket, key, form: 'text' },
    rowCount: 0,
    queueMs: 0,
    planMs: 0,
    runMs: performance.now() - startedAt,
    bytesScanned: 0,
    flows: null,
  };
}
