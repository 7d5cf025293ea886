import { useQueries, useQuery } from '@tanstack/react-query';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { Rows } from '../../components/rows.tsx';
import type { Session } from '../../layout.tsx';

interface Explanation {
  readonly allowed: boolean;
  readonly reason: 'allowed' | 'explicit_deny' | 'implicit_deny';
  /** Statements, lists and grants that decided. */
  readonly decidedBy: readonly string[];
  readonly action: string;
  readonly governedBy?: string;
}

interface Person {
  readonly name: string;
  readonly arn: string;
}

/** What is asked of everybody: of an object its reading, of a bucket also its listing and writing. */
const ACTIONS = {
  bucket: ['s3:ListBucket', 's3:PutBucketPolicy'],
  object: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
} as const;

/** Who may do what here, each decision with its reason; made by what decides when they come themselves. */
export function WhoMay({ bucket, objectKey }: { readonly bucket: string; readonly objectKey?: string }) {
  const users = useQuery({ queryKey: ['users'], queryFn: () => api.get<{ users: Person[] }>('/users') });
  const session = useQuery({ queryKey: ['session'], queryFn: () => api.get<Session>('/session'), staleTime: 60_000 });
  const me = session.data === undefined ? [] : [{ name: `${session.data.name} (you)`, arn: session.data.arn }];
  const others = (users.data?.users ?? []).filter((user) => user.arn !== session.data?.arn);
  const people: readonly Person[] = [...me, ...others, { name: 'anybody without a key', arn: 'anonymous' }];
  const actions = objectKey === undefined ? ACTIONS.bucket : ACTIONS.object;
  const answers = useQueries({
    queries: people.map(({ arn }) => ({
      queryKey: ['access', bucket, objectKey, arn],
      queryFn: () => Promise.all(actions.map((action) => ask(bucket, objectKey, arn, action))),
    })),
  });
  const failed = answers.find((answer) => answer.error !== null);
  return (
    <section className="card" aria-label="Who may">
      <h2>{objectKey === undefined ? 'Who may use the bucket' : 'Who may read and change it'}</h2>
      {failed?.error && <Failure error={failed.error} />}
      <Rows
        rows={people.map((person, i) => ({ ...person, answers: answers[i]?.data }))}
        keyOf={(row) => row.arn}
        empty="Loading …"
        columns={[
          { title: 'Who', cell: (row) => <span title={row.arn}>{row.name}</span> },
          ...actions.map((action, i) => ({
            title: action,
            cell: (row: { readonly answers: readonly Explanation[] | undefined }) => (
              <Answer explanation={row.answers?.[i]} />
            ),
          })),
        ]}
      />
      <p className="sub">
        {answers.some((answer) => answer.data?.some((one) => one.governedBy !== undefined))
          ? 'The files of a table are read only by who was also granted SELECT on all of it (page Grants).'
          : 'Hover over an answer for its reason.'}
      </p>
    </section>
  );
}

function ask(bucket: string, key: string | undefined, principal: string, action: string): Promise<Explanation> {
  const query = new URLSearchParams({ bucket, principal, action, ...(key === undefined ? {} : { key }) });
  return api.get<Explanation>(`/access?${query}`);
}

function reasonOf({ action, reason, decidedBy }: Explanation): string {
  const by = decidedBy.length === 0 ? '' : `: ${decidedBy.join(', ')}`;
  if (reason === 'allowed') return `${action} is allowed${by}`;
  return reason === 'explicit_deny' ? `${action} is denied${by}` : `Nothing allows ${action}`;
}

function Answer({ explanation }: { readonly explanation: Explanation | undefined }) {
  if (explanation === undefined) return <span className="sub">…</span>;
  return (
    <span className={`badge ${explanation.allowed ? 'good' : ''}`} title={reasonOf(explanation)}>
      {explanation.allowed ? 'yes' : 'no'}
      {explanation.governedBy === undefined ? '' : ', with grants'}
    </span>
  );
}
