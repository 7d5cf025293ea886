import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { JobRecord, RunRecord } from './records.ts';
import { jobProcedures } from './store.ts';

/** **Errors**: `not_found` with the nearest names. */
export async function requireJob(deps: { readonly store: MetadataStore }, name: string): Promise<JobRecord> {
  const record = await deps.store.read(jobProcedures.get, { name });
  if (record !== undefined) return record;
  const near = nearestNames(
    name,
    (await deps.store.read(jobProcedures.list, {})).map((job) => job.name),
  );
  throw new LochError(
    'not_found',
    `There is no job \`${name}\`. ${near.length > 0 ? `Did you mean ${near.map((n) => `\`${n}\``).join(', ')}?` : 'List the jobs to see which there are.'}`,
    { context: { job: name } },
  );
}

/** **Errors**: `not_found`. */
export async function requireRun(deps: { readonly store: MetadataStore }, runId: string): Promise<RunRecord> {
  const record = await deps.store.read(jobProcedures.run, { id: runId });
  if (record !== undefined) return record;
  throw new LochError(
    'not_found',
    `There is no job run \`${runId}\`. List the runs of the job to see which there are.`,
    {
      context: { runId },
    },
  );
}
