import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count, when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface ManagementEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: number;
  readonly username: string;
  readonly errorCode?: string;
  readonly requestId: string;
  readonly resources: readonly { readonly name: string }[];
}

interface DataEvent {
  readonly eventId: string;
  readonly eventTime: number;
  readonly username: string;
  readonly eventName: string;
  readonly resource: string;
  readonly columns: readonly string[];
  readonly appliedGrants: readonly string[];
  readonly rows?: number;
  readonly errorCode?: string;
}

interface Page<T> {
  readonly events: readonly T[];
  readonly nextToken?: string;
}

const ATTRIBUTES = ['Username', 'EventName', 'EventSource', 'ResourceName', 'AccessKeyId', 'EventId'];

/** Who did what: management events as CloudTrail keeps them, and data events down to the column. */
export function AuditPage() {
  const [kind, setKind] = useState<'events' | 'data-events'>('events');
  const [attribute, setAttribute] = useState('Username');
  const [value, setValue] = useState('');
  return (
    <>
      <PageHead
        title="Audit"
        about="Every call that changes something, every refusal, and every read of data. Kept 90 days."
      />
      <div className="tabs" role="tablist">
        <button type="button" role="tab" aria-selected={kind === 'events'} onClick={() => setKind('events')}>
          Management and refusals
        </button>
        <button type="button" role="tab" aria-selected={kind === 'data-events'} onClick={() => setKind('data-events')}>
          Data access
        </button>
      </div>
      {kind === 'events' && (
        <p className="row">
          <select aria-label="Attribute" value={attribute} onChange={(event) => setAttribute(event.target.value)}>
            {ATTRIBUTES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <input
            aria-label="Value"
            placeholder="exact value"
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        </p>
      )}
      <section className="card">
        {kind === 'events' ? <Management attribute={attribute} value={value} /> : <Data />}
      </section>
    </>
  );
}

function usePages<T>(path: string) {
  return useInfiniteQuery({
    queryKey: ['audit', path],
    queryFn: ({ pageParam }) =>
      api.get<Page<T>>(
        `${path}${pageParam === '' ? '' : `${path.includes('?') ? '&' : '?'}next=${encodeURIComponent(pageParam)}`}`,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextToken,
    refetchInterval: 5_000,
  });
}

function Management({ attribute, value }: { readonly attribute: string; readonly value: string }) {
  const pages = usePages<ManagementEvent>(
    value === '' ? '/audit/events' : `/audit/events?attribute=${attribute}&value=${encodeURIComponent(value)}`,
  );
  if (pages.error) return <Failure error={pages.error} />;
  return (
    <>
      <Rows
        rows={pages.data?.pages.flatMap((page) => page.events) ?? []}
        keyOf={(event) => event.eventId}
        empty={pages.isPending ? 'Loading …' : 'No event matches.'}
        columns={[
          { title: 'When', cell: (event) => when(event.eventTime) },
          { title: 'Who', cell: (event) => event.username },
          { title: 'What', cell: (event) => event.eventName },
          { title: 'Where', cell: (event) => event.eventSource },
          {
            title: 'On',
            cell: (event) => (
              <span className="mono">{event.resources.map((resource) => resource.name).join(', ')}</span>
            ),
          },
          {
            title: 'Outcome',
            cell: (event) =>
              event.errorCode === undefined ? (
                <span className="badge good">done</span>
              ) : (
                <span className="badge bad">{event.errorCode}</span>
              ),
          },
          { title: 'Request', cell: (event) => <span className="mono">{event.requestId.slice(0, 8)}</span> },
        ]}
      />
      <More pages={pages} />
    </>
  );
}

function Data() {
  const pages = usePages<DataEvent>('/audit/data-events');
  if (pages.error) return <Failure error={pages.error} />;
  return (
    <>
      <Rows
        rows={pages.data?.pages.flatMap((page) => page.events) ?? []}
        keyOf={(event) => event.eventId}
        empty={pages.isPending ? 'Loading …' : 'No data was read yet.'}
        columns={[
          { title: 'When', cell: (event) => when(event.eventTime) },
          { title: 'Who', cell: (event) => event.username },
          { title: 'What', cell: (event) => event.eventName },
          { title: 'On', cell: (event) => <span className="mono">{event.resource}</span> },
          { title: 'Columns', cell: (event) => <span className="mono">{event.columns.join(', ')}</span> },
          { title: 'Rows', numeric: true, cell: (event) => count(event.rows) },
          { title: 'Shaped by', cell: (event) => event.appliedGrants.length || '' },
          {
            title: 'Outcome',
            cell: (event) =>
              event.errorCode === undefined ? (
                <span className="badge good">read</span>
              ) : (
                <span className="badge bad">{event.errorCode}</span>
              ),
          },
        ]}
      />
      <More pages={pages} />
    </>
  );
}

function More({
  pages,
}: {
  readonly pages: {
    readonly hasNextPage: boolean;
    readonly fetchNextPage: () => unknown;
    readonly isFetchingNextPage: boolean;
  };
}) {
  if (!pages.hasNextPage) return null;
  return (
    <p>
      <button type="button" onClick={() => pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
        Older
      </button>
    </p>
  );
}
