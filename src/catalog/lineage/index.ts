import { glueArn } from '../../core/arn.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { Lineage, LineageFlow } from './contract.ts';
import { edgesOfFlow, statementsOfFlow } from './edges-of-flow.ts';
import { impactOf } from './impact.ts';
import { flowOfEvent } from './open-lineage.ts';
import lineageStore from './store.ts';
import { walkGraph } from './walk-graph.ts';

/** The lineage graph. */
export function lineageUseCases(parts: CatalogParts): Omit<Lineage, 'settled'> {
  const record = async (flow: LineageFlow) => {
    const at = parts.clock.now();
    const edges = edgesOfFlow(flow, at);
    if (edges.length === 0) return;
    await parts.store.write(lineageStore.procedures.addEdges, {
      edges,
      statements: statementsOfFlow(flow, at),
      events: [{ job: flow.job, runId: flow.runId, flow: JSON.stringify(flow) }],
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
    impact: impactOf(parts),
  };
}
