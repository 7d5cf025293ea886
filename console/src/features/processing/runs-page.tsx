import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count, duration, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import type { JobRun, WorkflowRun } from './run-types.ts';

const EVERY_MS = 1500;

/** Workflow runs and job runs, live; workflows can be started here. */
export function RunsPage() {
  const client = useQueryClient();
  const workflows = useQuery({
    queryKey: ['workflows'],
    queryFn: () => api.get<{ workflows: { name: string; description?: string; nodes: unknown[] }[] }>('/workflows'),
  });
  const runs = useQuery({
    queryKey: ['workflow-runs'],
    queryFn: () => api.get<{ runs: WorkflowRun[] }>('/workflow-runs'),
    refetchInterval: EVERY_MS,
  });
  const jobRuns = useQuery({
    queryKey: ['job-runs'],
    queryFn: () => api.get<{ runs: JobRun[] }>('/job-runs'),
    refetchInterval: EVERY_MS,
  });
  const start = useMutation({
    mutationFn: (name: string) => api.post(at`/workflows/${name}/start`),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <>
      <PageHead title="Runs" about="What the lake is working on, and how it went." />
      {[workflows, runs, jobRuns].map(
        (query) => query.error !== null && <Failure key={String(query.error)} error={query.error} />,
      )}
      {start.error !== null && <Failure error={start.error} />}
      <section className="card">
        <h2>Workflows</h2>
        <Rows
          rows={workflows.data?.workflows ?? []}
          keyOf={(workflow) => workflow.name}
          empty="No workflow is defined. PUT /api/workflows/NAME defines one; the demo does."
          columns={[
            { title: 'Name', cell: (workflow) => workflow.name },
            { title: 'Steps', numeric: true, cell: (workflow) => workflow.nodes.length },
            { title: 'Description', cell: (workflow) => workflow.description ?? '' },
            {
              title: '',
              cell: (workflow) => (
                <button type="button" onClick={() => start.mutate(workflow.name)} disabled={start.isPending}>
                  Start
                </button>
              ),
            },
          ]}
        />
      </section>
      <section className="card">
        <h2>Workflow runs</h2>
        <Rows
          rows={runs.data?.runs ?? []}
          keyOf={(run) => run.id}
          empty="No workflow has run yet."
          columns={[
            {
              title: 'Run',
              cell: (run) => (
                <Link to="/runs/$id" params={{ id: run.id }}>
                  {run.workflow} · {run.id.slice(0, 8)}
                </Link>
              ),
            },
            { title: 'State', cell: (run) => <State state={run.state} /> },
            { title: 'Started by', cell: (run) => run.trigger },
            { title: 'Started', cell: (run) => when(run.startedAt) },
            { title: 'Took', numeric: true, cell: (run) => duration((run.endedAt ?? Date.now()) - run.startedAt) },
          ]}
        />
      </section>
      <section className="card">
        <h2>Job runs</h2>
        <JobRuns runs={jobRuns.data?.runs ?? []} />
      </section>
    </>
  );
}

/** Job runs with what they took in, committed, rejected and found twice. */
export function JobRuns({ runs }: { readonly runs: readonly JobRun[] }) {
  return (
    <Rows
      rows={runs}
      keyOf={(run) => run.id}
      empty="No job has run yet."
      columns={[
        { title: 'Job', cell: (run) => run.job },
        { title: 'State', cell: (run) => <State state={run.state} /> },
        { title: 'Rows in', numeric: true, cell: (run) => count(run.counts?.rowsIn) },
        { title: 'Committed', numeric: true, cell: (run) => count(run.counts?.rowsCommitted) },
        { title: 'Rejected', numeric: true, cell: (run) => <Rejected run={run} /> },
        { title: 'Duplicates', numeric: true, cell: (run) => count(run.counts?.rowsDuplicate) },
        { title: 'Started', cell: (run) => when(run.startedAt) },
        { title: 'Took', numeric: true, cell: (run) => duration((run.endedAt ?? Date.now()) - run.startedAt) },
        { title: 'Error', cell: (run) => run.error?.message ?? '' },
      ]}
    />
  );
}

function Rejected({ run }: { readonly run: JobRun }) {
  const byRule = Object.entries(run.counts?.rejectedByRule ?? {});
  return (
    <span title={byRule.map(([rule, rows]) => `${rule}: ${rows}`).join('\n')}>{count(run.counts?.rowsRejected)}</span>
  );
}
