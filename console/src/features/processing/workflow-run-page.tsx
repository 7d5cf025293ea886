import dagre from '@dagrejs/dagre';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { type Edge, type Node, Position, ReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { duration, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import type { JobRun, Workflow, WorkflowRun } from './run-types.ts';
import { JobRuns } from './runs-page.tsx';

const NODE = { width: 190, height: 56 };
const COLOURS: Record<string, string> = { SUCCEEDED: 'var(--good)', FAILED: 'var(--bad)', RUNNING: 'var(--wait)' };

/** One run of a workflow: the graph with the state of each step, and the job runs behind it. */
export function WorkflowRunPage() {
  const { id } = useParams({ from: '/runs/$id' });
  const run = useQuery({
    queryKey: ['workflow-run', id],
    queryFn: () => api.get<WorkflowRun>(at`/workflow-runs/${id}`),
    refetchInterval: (query) => (query.state.data?.state === 'RUNNING' ? 700 : false),
  });
  const workflow = useQuery({
    queryKey: ['workflow', run.data?.workflow],
    queryFn: () => api.get<Workflow>(at`/workflows/${run.data!.workflow}`),
    enabled: run.data !== undefined,
  });
  const jobRuns = useQuery({
    queryKey: ['job-runs', id, run.data?.state, run.dataUpdatedAt],
    queryFn: () => api.get<{ runs: JobRun[] }>(`/job-runs?workflowRunId=${encodeURIComponent(id)}`),
    enabled: run.data !== undefined,
  });
  const stop = useMutation({ mutationFn: () => api.post(at`/workflow-runs/${id}/stop`) });
  if (run.error) return <Failure error={run.error} />;
  if (run.isPending) return <p className="empty">Loading …</p>;
  const { data } = run;
  return (
    <>
      <PageHead
        title={`${data.workflow} · ${id.slice(0, 8)}`}
        about={
          <>
            <State state={data.state} /> started {when(data.startedAt)} by {data.trigger},{' '}
            {duration((data.endedAt ?? Date.now()) - data.startedAt)}
          </>
        }
        actions={
          <button type="button" onClick={() => stop.mutate()} disabled={data.state !== 'RUNNING' || stop.isPending}>
            Stop
          </button>
        }
      />
      {stop.error !== null && <Failure error={stop.error} />}
      {workflow.data !== undefined && <Graph workflow={workflow.data} run={data} />}
      <p />
      <section className="card">
        <h2>Steps</h2>
        <Rows
          rows={data.nodes}
          keyOf={(node) => node.name}
          empty="This workflow has no steps."
          columns={[
            { title: 'Step', cell: (node) => node.name },
            { title: 'State', cell: (node) => <State state={node.state} /> },
            { title: 'Started', cell: (node) => when(node.startedAt) },
            {
              title: 'Took',
              numeric: true,
              cell: (node) =>
                node.startedAt === undefined ? '–' : duration((node.endedAt ?? Date.now()) - node.startedAt),
            },
            { title: 'Error', cell: (node) => node.error ?? '' },
          ]}
        />
      </section>
      <section className="card">
        <h2>Job runs</h2>
        {jobRuns.error !== null && <Failure error={jobRuns.error} />}
        <JobRuns runs={jobRuns.data?.runs ?? []} />
      </section>
    </>
  );
}

function Graph({ workflow, run }: { readonly workflow: Workflow; readonly run: WorkflowRun }) {
  const { nodes, edges } = useMemo(() => layOut(workflow, run), [workflow, run]);
  return (
    <div className="graph" role="img" aria-label={`Graph of ${workflow.name}; its steps are listed below`}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        fitView
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        proOptions={{ hideAttribution: true }}
      />
    </div>
  );
}

function layOut(workflow: Workflow, run: WorkflowRun): { nodes: Node[]; edges: Edge[] } {
  const graph = new dagre.graphlib.Graph()
    .setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 50 })
    .setDefaultEdgeLabel(() => ({}));
  for (const node of workflow.nodes) graph.setNode(node.name, { ...NODE });
  for (const node of workflow.nodes) for (const before of node.after) graph.setEdge(before, node.name);
  dagre.layout(graph);
  const states = new Map(run.nodes.map((node) => [node.name, node.state]));
  const nodes = workflow.nodes.map((node): Node => {
    const { x, y } = graph.node(node.name);
    const state = states.get(node.name) ?? 'PENDING';
    return {
      id: node.name,
      position: { x: x - NODE.width / 2, y: y - NODE.height / 2 },
      sourcePosition: Position.Right,
      targetPosition: Position.Left,
      data: { label: `${node.name}\n${state.toLowerCase()}` },
      style: {
        ...NODE,
        whiteSpace: 'pre-line',
        fontSize: 12,
        background: 'var(--paper)',
        color: 'var(--ink)',
        border: `2px solid ${COLOURS[state] ?? 'var(--line)'}`,
        borderRadius: 8,
      },
    };
  });
  const edges = workflow.nodes.flatMap((node) =>
    node.after.map((before): Edge => ({ id: `${before}→${node.name}`, source: before, target: node.name })),
  );
  return { nodes, edges };
}
