import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, at, uploadFile } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Stream {
  readonly name: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly status: string;
  readonly backlog: { readonly records: number; readonly bytes: number };
}

interface FullLoadRun {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly startedAt: number;
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
  readonly error?: string;
}

interface Load {
  readonly state: string;
  readonly phase: string;
  readonly rows: number;
  readonly error?: string;
}

/** Ways in: upload a file and make it a table; delivery streams; loads from databases. */
export function IngestionPage() {
  const streams = useQuery({
    queryKey: ['streams'],
    queryFn: () => api.get<{ streams: Stream[] }>('/delivery-streams'),
    refetchInterval: 2000,
  });
  const runs = useQuery({
    queryKey: ['replication-runs'],
    queryFn: () => api.get<{ runs: FullLoadRun[] }>('/replication-runs'),
    refetchInterval: 2000,
  });
  return (
    <>
      <PageHead title="Ingestion" about="What comes into the lake, and from where." />
      <Upload />
      <section className="card">
        <h2>Delivery streams</h2>
        {streams.error !== null && <Failure error={streams.error} />}
        <Rows
          rows={streams.data?.streams ?? []}
          keyOf={(stream) => stream.name}
          empty="No delivery stream. Make one with any Firehose client: aws firehose create-delivery-stream …"
          columns={[
            { title: 'Stream', cell: (stream) => stream.name },
            { title: 'To', cell: (stream) => <span className="mono">{`s3://${stream.bucket}/${stream.prefix}`}</span> },
            { title: 'State', cell: (stream) => <State state={stream.status} /> },
            {
              title: 'Waiting',
              numeric: true,
              cell: (stream) => `${count(stream.backlog.records)} records, ${bytes(stream.backlog.bytes)}`,
            },
          ]}
        />
      </section>
      <section className="card">
        <h2>Loads from databases</h2>
        {runs.error !== null && <Failure error={runs.error} />}
        <Rows
          rows={runs.data?.runs ?? []}
          keyOf={(run) => run.id}
          empty="No database was loaded yet. loch load postgres://… does it for one table."
          columns={[
            { title: 'Task', cell: (run) => run.task },
            { title: 'State', cell: (run) => <State state={run.state} /> },
            {
              title: 'Tables',
              cell: (run) => run.tables.map((table) => `${table.table} (${count(table.rows)})`).join(', '),
            },
            { title: 'Started', cell: (run) => when(run.startedAt) },
            { title: 'Error', cell: (run) => run.error ?? '' },
          ]}
        />
      </section>
    </>
  );
}

function Upload() {
  const client = useQueryClient();
  const [file, setFile] = useState<File>();
  const [table, setTable] = useState('');
  const [share, setShare] = useState(0);
  const [loadId, setLoadId] = useState<string>();
  const load = useQuery({
    queryKey: ['load', loadId],
    queryFn: () => api.get<Load>(at`/loads/${loadId!}`),
    enabled: loadId !== undefined,
    refetchInterval: (query) => (query.state.data?.state === 'RUNNING' || query.state.data === undefined ? 300 : false),
  });
  const name = table.trim().toLowerCase();
  const send = useMutation({
    mutationFn: async () => {
      setShare(0);
      const { bucket, key } = await uploadFile(file!, at`/uploads/${name}/${file!.name}`, setShare);
      const { id } = await api.post<{ id: string }>('/loads', {
        target: { database: 'curated', table: name },
        mode: 'create',
        source: { kind: 'objects', bucket, keys: [key] },
      });
      setLoadId(id);
      await client.invalidateQueries({ queryKey: ['databases'] });
    },
  });
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        setLoadId(undefined);
        send.mutate();
      }}
    >
      <h2>Make a table of a file</h2>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <label className="field">
          CSV, TSV, JSON, NDJSON or Parquet, plain, .gz or .zst
          <input
            type="file"
            required
            onChange={(event) => {
              const chosen = event.target.files?.[0];
              setFile(chosen);
              if (chosen !== undefined && table === '')
                setTable(
                  chosen.name
                    .toLowerCase()
                    .replace(/\..*$/, '')
                    .replaceAll(/[^a-z0-9]+/g, '_'),
                );
            }}
          />
        </label>
        <label className="field">
          Table in curated
          <input
            required
            pattern="[A-Za-z0-9_]+"
            title="Letters, digits and _"
            value={table}
            onChange={(event) => setTable(event.target.value)}
          />
        </label>
        <button
          type="submit"
          className="primary"
          disabled={file === undefined || send.isPending || load.data?.state === 'RUNNING'}
        >
          Upload and load
        </button>
      </div>
      {send.isPending && (
        <div className="bar" role="progressbar" aria-valuenow={Math.round(share * 100)} aria-label="Upload">
          <div style={{ width: `${share * 100}%` }} />
        </div>
      )}
      {send.error !== null && <Failure error={send.error} />}
      {load.error !== null && <Failure error={load.error} />}
      {load.data?.state === 'RUNNING' && <p className="sub">{load.data.phase} …</p>}
      {load.data?.state === 'FAILED' && <Failure error={new Error(load.data.error ?? 'The load failed.')} />}
      {load.data?.state === 'SUCCEEDED' && (
        <p role="status">
          {count(load.data.rows)} rows are in{' '}
          <Link to="/catalog/$database/$table" params={{ database: 'curated', table: name }}>
            curated.{name}
          </Link>
          .
        </p>
      )}
    </form>
  );
}
