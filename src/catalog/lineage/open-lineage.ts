/** OpenLineage run events, read and written. **Source**: OpenLineage specification 2-0-2, RunEvent; ColumnLineageDatasetFacet. */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';
import type { ColumnFlow, LineageFlow } from './contract.ts';
import { datasetOf, endOfDataset } from './ends.ts';

/** **Units**: bytes. **Source**: DataZone, PostLineageEvent. */
const LARGEST_EVENT = 300 * 1024;
const PRODUCER = 'https://github.com/loch';
const SCHEMA = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent';
const COLUMN_SCHEMA = 'https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json';

const name = z.string().min(1).max(2_048);
const dataset = z.looseObject({
  namespace: name,
  name,
  facets: z
    .looseObject({
      columnLineage: z
        .looseObject({
          fields: z.record(
            z.string(),
            z.looseObject({ inputFields: z.array(z.looseObject({ namespace: name, name, field: name })) }),
          ),
        })
        .optional(),
    })
    .optional(),
});
const runEvent = z.looseObject({
  eventType: z.enum(['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER']).optional(),
  eventTime: z.iso.datetime({ offset: true }),
  run: z.looseObject({ runId: z.string().min(1).max(256) }),
  job: z.looseObject({ namespace: name, name }),
  inputs: z.array(dataset).max(1_000).default([]),
  outputs: z.array(dataset).max(1_000).default([]),
});

/** The flow of an event; undefined where the run did not end well, or moved nothing. **Errors**: `invalid_argument`. */
export function flowOfEvent(event: unknown): LineageFlow | undefined {
  if (Buffer.byteLength(JSON.stringify(event) ?? '') > LARGEST_EVENT) {
    throw new LochError('invalid_argument', `A lineage event may have ${LARGEST_EVENT} bytes. Leave facets out.`);
  }
  const parsed = runEvent.safeParse(event);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join('.') || 'event';
    throw new LochError('invalid_argument', `The OpenLineage event is not valid: \`${field}\`: ${issue.message}.`, {
      context: { field },
    });
  }
  const { eventType, run, job, inputs, outputs } = parsed.data;
  if (eventType === 'FAIL' || eventType === 'ABORT' || inputs.length === 0 || outputs.length === 0) return undefined;
  const columns = outputs.flatMap(({ facets }) =>
    Object.entries(facets?.columnLineage?.fields ?? {}).map(
      ([output, { inputFields }]): ColumnFlow => ({
        output,
        inputs: inputFields.map((input) => ({ end: endOfDataset(input), column: input.field })),
      }),
    ),
  );
  return {
    job: `${job.namespace}/${job.name}`,
    runId: run.runId,
    inputs: inputs.map(endOfDataset),
    outputs: outputs.map(endOfDataset),
    ...(columns.length === 0 ? {} : { columns }),
  };
}

/** A flow as an event that says the run is complete. */
export function eventOfFlow(
  flow: LineageFlow,
  at: number,
  place: { readonly region: string; readonly accountId: string },
): object {
  const fields = Object.fromEntries(
    (flow.columns ?? []).map(({ output, inputs }) => [
      output,
      { inputFields: inputs.map(({ end, column }) => ({ ...datasetOf(end, place), field: column })) },
    ]),
  );
  const facets =
    flow.columns === undefined
      ? {}
      : { facets: { columnLineage: { _producer: PRODUCER, _schemaURL: COLUMN_SCHEMA, fields } } };
  return {
    eventType: 'COMPLETE',
    eventTime: new Date(at).toISOString(),
    producer: PRODUCER,
    schemaURL: SCHEMA,
    run: { runId: flow.runId },
    job: { namespace: `loch:${place.region}:${place.accountId}`, name: flow.job },
    inputs: flow.inputs.map((end) => datasetOf(end, place)),
    outputs: flow.outputs.map((end) => ({ ...datasetOf(end, place), ...facets })),
  };
}
