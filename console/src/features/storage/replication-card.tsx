import { useQuery } from '@tanstack/react-query';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

interface Replication {
  readonly rules: readonly {
    readonly rule: string;
    readonly destination: string;
    readonly operationsPending: number;
    readonly bytesPending: number;
    readonly latencyMs: number;
    readonly operationsFailed: number;
    readonly missedThreshold: boolean;
    readonly linkFailure?: string;
  }[];
  readonly failures: readonly {
    readonly key: string;
    readonly versionId: string;
    readonly rule: string;
    readonly failure: string;
  }[];
}

/** Where a bucket is replicated to, what waits, and what was refused. */
export function ReplicationCard({ bucket }: { readonly bucket: string }) {
  const now = useQuery({
    queryKey: ['replication', bucket],
    queryFn: () => api.get<Replication>(at`/replication/${bucket}`),
    refetchInterval: 5000,
  });
  const { rules = [], failures = [] } = now.data ?? {};
  return (
    <section className="card" aria-label="Replication">
      <h2>Replication</h2>
      {now.error !== null && <Failure error={now.error} />}
      <Rows
        rows={rules}
        keyOf={(rule) => rule.rule}
        empty={now.isPending ? 'Loading …' : 'Not replicated. PutBucketReplication sets rules.'}
        columns={[
          { title: 'Rule', cell: (rule) => rule.rule },
          { title: 'To', cell: (rule) => <span className="mono">{rule.destination}</span> },
          { title: 'Waiting', cell: (rule) => count(rule.operationsPending), numeric: true },
          { title: 'Bytes waiting', cell: (rule) => bytes(rule.bytesPending), numeric: true },
          { title: 'Behind', cell: (rule) => `${Math.round(rule.latencyMs / 1000)} s`, numeric: true },
          { title: 'Refused', cell: (rule) => count(rule.operationsFailed), numeric: true },
          {
            title: '',
            cell: (rule) =>
              rule.linkFailure !== undefined ? (
                <span className="badge bad" title={rule.linkFailure}>
                  not reached
                </span>
              ) : (
                <span className={`badge ${rule.missedThreshold || rule.operationsFailed > 0 ? 'bad' : 'good'}`}>
                  {rule.missedThreshold ? 'late' : rule.operationsFailed > 0 ? 'refused' : 'in step'}
                </span>
              ),
          },
        ]}
      />
      {failures.length > 0 && (
        <Rows
          rows={failures}
          keyOf={(each) => `${each.key} ${each.versionId} ${each.rule}`}
          empty=""
          columns={[
            { title: 'Refused', cell: (each) => <span className="mono">{each.key}</span> },
            { title: 'By rule', cell: (each) => each.rule },
            { title: 'Why', cell: (each) => each.failure },
          ]}
        />
      )}
    </section>
  );
}
