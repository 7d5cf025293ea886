import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, duration, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Overview {
  readonly ingestion: {
    readonly streams: number;
    readonly waiting: number;
    readonly loading: number;
    readonly failed: number;
  };
  readonly storage: { readonly buckets: number; readonly objectsWritten: number; readonly bytesWritten: number };
  readonly catalog: { readonly databases: number; readonly tables: number };
  readonly processing: { readonly running: number; readonly failed: number; readonly done: number };
  readonly consumption: { readonly running: number; readonly failed: number; readonly done: number };
  readonly governance: { readonly users: number; readonly grants: number; readonly refusals: number };
  readonly recent: readonly {
    readonly at: number;
    readonly what: string;
    readonly state: string;
    readonly detail: string;
  }[];
  readonly upMs: number;
}

/** The six layers at a glance, live: what came in, what runs, what failed, what was asked. */
export function OverviewPage() {
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: () => api.get<Overview>('/overview'),
    refetchInterval: 2000,
  });
  if (overview.error) return <Failure error={overview.error} />;
  if (overview.isPending) return <p className="empty">Loading …</p>;
  const { ingestion, storage, catalog, processing, consumption, governance, recent, upMs } = overview.data;
  return (
    <>
      <PageHead
        title="Overview"
        about={`Up for ${duration(upMs)}. Figures are since the start and of what you may see.`}
      />
      <div className="layers">
        <Layer
          to="/ingestion"
          name="Ingestion"
          figure={count(ingestion.waiting)}
          unit="records waiting"
          rest={`${ingestion.streams} streams, ${ingestion.loading} loads running`}
          failed={ingestion.failed}
        />
        <Layer
          to="/storage"
          name="Storage"
          figure={count(storage.objectsWritten)}
          unit="objects written"
          rest={`${bytes(storage.bytesWritten)}, ${storage.buckets} buckets`}
          failed={0}
        />
        <Layer
          to="/catalog"
          name="Catalog"
          figure={count(catalog.tables)}
          unit="tables"
          rest={`in ${catalog.databases} databases`}
          failed={0}
        />
        <Layer
          to="/runs"
          name="Processing"
          figure={count(processing.running)}
          unit="runs active"
          rest={`${processing.done} done`}
          failed={processing.failed}
        />
        <Layer
          to="/query"
          name="Consumption"
          figure={count(consumption.running)}
          unit="queries active"
          rest={`${consumption.done} answered`}
          failed={consumption.failed}
        />
        <Layer
          to="/audit"
          name="Governance"
          figure={count(governance.refusals)}
          unit="refusals"
          rest={`${governance.users} users, ${governance.grants} grants`}
          failed={0}
        />
      </div>
      <section className="card">
        <h2>What happened last</h2>
        <Rows
          rows={recent}
          keyOf={(entry, i) => `${entry.at}-${i}`}
          empty={
            <>
              Nothing yet. <Link to="/ingestion">Make a table of a file</Link>, or run the demo.
            </>
          }
          columns={[
            { title: 'When', cell: (entry) => when(entry.at) },
            { title: 'What', cell: (entry) => entry.what },
            { title: 'State', cell: (entry) => <State state={entry.state} /> },
            { title: 'Detail', cell: (entry) => <span className="mono">{entry.detail}</span> },
          ]}
        />
      </section>
    </>
  );
}

interface LayerProps {
  readonly to: '/ingestion' | '/storage' | '/catalog' | '/runs' | '/query' | '/audit';
  readonly name: string;
  readonly figure: string;
  readonly unit: string;
  readonly rest: string;
  readonly failed: number;
}

function Layer({ to, name, figure, unit, rest, failed }: LayerProps) {
  return (
    <Link to={to} search={{} as never} className={`layer${failed > 0 ? ' failed' : ''}`}>
      <div className="name">{name}</div>
      <div className="figure">{figure}</div>
      <div>{unit}</div>
      <div className="sub">{rest}</div>
      {failed > 0 && <div className="badge bad">{failed} failed</div>}
    </Link>
  );
}
