import { glueArn } from '../../core/arn.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { Lineage, LineageFlow } from './contract.ts';
import { keyOf } from './ends.ts';
import { flowOfEvent } from './open-lineage.ts';
import lineageStore, { type LineageRow } from './store.ts';
import { walkGraph } from './walk-graph.ts';

/** The edges of a flow: every input with every output, but for a thing with itself. */
function edgesOf(flow: LineageFlow, at: number): LineageRow[] {
  const outputs = [...new Set(flow.outputs.map(keyOf))];
  return [...new Set(flow.inputs.map(keyOf))].flatMap((source) =>
    outputs
      .filter((target) => target !== source)
      .map((target): LineageRow => {
        const pairs = flow.columns?.flatMap(({ output, inputs }) =>
          inputs
            .filter(({ end }) => keyOf(end) === source)
            .map(({ column }) => [column.toLowerCase(), output.toLowerCase()]),
        );
        return {
          source,
          target,
          job: flow.job,
          run_id: flow.runId,
          at,
          columns: pairs === undefined ? null : JSON.stringify(pairs),
        };
      }),
  );
}

/** The lineage graph. */
export function lineageUseCases(parts: CatalogParts): Lineage {
  const record = async (flow: LineageFlow) => {
    const at = parts.clock.now();
    const edges = edgesOf(flow, at);
    if (edges.length === 0) return;
    await parts.store.write(lineageStore.procedures.addEdges, {
      edges,
      event: { job: flow.job, runId: flow.runId, flow: JSON.stringify(flow) },
    });
  };
  return {
    record,
    async ingest(context, event) {
      await parts.policy.authorize(context, {
        action: 'datazone:PostLineageEvent',
        resource: glueArn(parts.region, parts.accountId, 'lineage'),
      });
      const flow = flowOfEvent(event);
      if (flow === undefined) return;
      // Nobody draws an edge to a table that he may not know of: to him it is a thing of another system.
      const visible = await parts.policy.visibleTables(context);
      const seen = <T extends LineageFlow['inputs'][number]>(end: T) =>
        end.kind === 'table' && !(parts.names.tableId(end) !== undefined && visible.table(end))
          ? ({ kind: 'dataset', namespace: 'unknown table', name: `${end.database}.${end.table}` } as const)
          : end;
      await record({
        ...flow,
        inputs: flow.inputs.map(seen),
        outputs: flow.outputs.map(seen),
        ...(flow.columns === undefined
          ? {}
          : {
              columns: flow.columns.map(({ output, inputs }) => ({
                output,
                inputs: inputs.map((input) => ({ ...input, end: seen(input.end) })),
              })),
            }),
      });
    },
    graph: walkGraph(parts),
  };
}
