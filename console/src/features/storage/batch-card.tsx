import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count, when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

interface Job {
  readonly id: string;
  readonly description?: string;
  readonly operation: { readonly kind: string };
  readonly priority: number;
  readonly status: string;
  readonly total?: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly createdAt: number;
  readonly failures: readonly { readonly reason: string }[];
}

const ENDED = ['Complete', 'Cancelled', 'Failed'];

/** Batch jobs: how far they are; one that waits is confirmed here, one that runs is ended. */
export function BatchCard() {
  const client = useQueryClient();
  const now = useQuery({
    queryKey: ['batch-jobs'],
    queryFn: () => api.get<{ readonly jobs: readonly Job[] }>('/batch-jobs'),
    refetchInterval: 3000,
  });
  const change = useMutation({
    mutationFn: ({ id, status }: { readonly id: string; readonly status: string }) =>
      api.post(at`/batch-jobs/${id}/status`, { status }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['batch-jobs'] }),
  });
  return (
    <section className="card" aria-label="Batch jobs">
      <h2>Batch jobs</h2>
      {[now, change].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      <Rows
        rows={now.data?.jobs ?? []}
        keyOf={(job) => job.id}
        empty={now.isPending ? 'Loading …' : 'No job yet. CreateJob of S3 Control makes one.'}
        columns={[
          { title: 'Job', cell: (job) => job.description ?? <span className="mono">{job.id.slice(0, 8)}</span> },
          { title: 'Does', cell: (job) => job.operation.kind },
          { title: 'Made', cell: (job) => when(job.createdAt) },
          { title: 'Priority', cell: (job) => count(job.priority), numeric: true },
          { title: 'Objects', cell: (job) => (job.total === undefined ? '…' : count(job.total)), numeric: true },
          { title: 'Done', cell: (job) => count(job.succeeded), numeric: true },
          { title: 'Failed', cell: (job) => count(job.failed), numeric: true },
          {
            title: 'State',
            cell: (job) => (
              <span
                className={`badge ${job.status === 'Complete' ? 'good' : job.status === 'Failed' ? 'bad' : ''}`}
                title={job.failures.map(({ reason }) => reason).join(' ')}
              >
                {job.status === 'Suspended' ? 'waits for a word' : job.status.toLowerCase()}
              </span>
            ),
          },
          {
            title: '',
            cell: (job) => (
              <span className="row">
                {job.status === 'Suspended' && (
                  <button type="button" onClick={() => change.mutate({ id: job.id, status: 'Ready' })}>
                    Confirm
                  </button>
                )}
                {!ENDED.includes(job.status) && (
                  <button
                    type="button"
                    className="danger"
                    onClick={() => change.mutate({ id: job.id, status: 'Cancelled' })}
                  >
                    Cancel
                  </button>
                )}
              </span>
            ),
          },
        ]}
      />
    </section>
  );
}
