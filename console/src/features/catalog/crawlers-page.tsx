import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { FormEvent } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, duration, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Run {
  readonly id: string;
  readonly state: string;
  readonly phase: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly objects: number;
  readonly folders: number;
  readonly bytesRead: number;
  readonly tablesCreated: number;
  readonly tablesUpdated: number;
  readonly tablesDeleted: number;
  readonly partitionsAdded: number;
  readonly messages: readonly string[];
  readonly error?: string;
}

interface Crawler {
  readonly name: string;
  readonly database: string;
  readonly targets: readonly { readonly kind?: string; readonly path: string }[];
  readonly state: string;
  readonly recrawl: string;
  readonly schedule?: { readonly expression: string; readonly state: string };
  readonly lastRun?: Run;
}

const POLICIES: Readonly<Record<string, string>> = {
  CRAWL_EVERYTHING: 'everything',
  CRAWL_NEW_FOLDERS_ONLY: 'new folders',
  CRAWL_EVENT_MODE: 'as objects arrive',
};
const LOOK_EVERY_MS = 1_500;

/** Crawlers, what starts them, and what their runs found. */
export function CrawlersPage() {
  const { name } = useSearch({ from: '/crawlers' });
  const navigate = useNavigate({ from: '/crawlers' });
  const crawlers = useQuery({
    queryKey: ['crawlers'],
    queryFn: () => api.get<{ crawlers: Crawler[] }>('/crawlers'),
    refetchInterval: (query) =>
      query.state.data?.crawlers.some((crawler) => crawler.state !== 'READY') ? LOOK_EVERY_MS : false,
  });
  return (
    <>
      <PageHead
        title="Crawlers"
        about="They look at files and databases, and describe what they find as tables of the catalog."
        actions={
          <Link className="button" to="/catalog" search={{ q: undefined, database: undefined, filters: undefined }}>
            Catalog
          </Link>
        }
      />
      {crawlers.error !== null && <Failure error={crawlers.error} />}
      {crawlers.isPending && <p className="empty">Loading …</p>}
      {crawlers.data !== undefined && (
        <section className="card" data-testid="crawlers">
          <Rows
            rows={crawlers.data.crawlers}
            keyOf={(crawler) => crawler.name}
            empty="There is no crawler yet. Make one below for a folder of files."
            columns={[
              {
                title: 'Crawler',
                cell: (crawler) => (
                  <Link
                    to="/crawlers"
                    search={{ name: crawler.name }}
                    aria-current={crawler.name === name || undefined}
                  >
                    {crawler.name}
                  </Link>
                ),
              },
              {
                title: 'Looks at',
                cell: (crawler) =>
                  crawler.targets.map((target) => (
                    <div key={target.path} className="mono">
                      {target.kind !== undefined && target.kind !== 's3' && (
                        <span className="badge">{target.kind}</span>
                      )}{' '}
                      {target.path}
                    </div>
                  )),
              },
              { title: 'Database', cell: (crawler) => crawler.database },
              { title: 'State', cell: (crawler) => <State state={crawler.state} /> },
              { title: 'Starts', cell: (crawler) => <Starts crawler={crawler} /> },
              { title: 'Last run', cell: (crawler) => <LastRun run={crawler.lastRun} /> },
              { title: '', cell: (crawler) => <Actions crawler={crawler} /> },
            ]}
          />
        </section>
      )}
      {name !== undefined && <Runs name={name} />}
      <NewCrawler onMade={(made) => navigate({ search: { name: made } })} />
    </>
  );
}

function Starts({ crawler }: { readonly crawler: Crawler }) {
  const { schedule, recrawl } = crawler;
  return (
    <>
      {schedule === undefined ? (recrawl === 'CRAWL_EVENT_MODE' ? '' : 'by hand') : null}
      {schedule !== undefined && <span className="mono">{schedule.expression}</span>}
      {schedule?.state === 'NOT_SCHEDULED' && <span className="badge">stopped</span>}
      <div className="sub">{POLICIES[recrawl] ?? recrawl}</div>
    </>
  );
}

function LastRun({ run }: { readonly run: Run | undefined }) {
  if (run === undefined) return <span className="sub">never</span>;
  return (
    <>
      <State state={run.state} /> <span className="sub">{when(run.startedAt)}</span>
    </>
  );
}

function Actions({ crawler }: { readonly crawler: Crawler }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (verb: 'start' | 'stop') => api.post(at`/crawlers/${crawler.name}/` + verb),
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <span className="row">
      {act.error !== null && <Failure error={act.error} />}
      {crawler.state === 'READY' ? (
        <button type="button" onClick={() => act.mutate('start')} disabled={act.isPending}>
          Run {crawler.name}
        </button>
      ) : (
        <button
          type="button"
          onClick={() => act.mutate('stop')}
          disabled={act.isPending || crawler.state === 'STOPPING'}
        >
          Stop
        </button>
      )}
    </span>
  );
}

function Runs({ name }: { readonly name: string }) {
  const runs = useQuery({
    queryKey: ['crawler-runs', name],
    queryFn: () => api.get<{ runs: Run[] }>(at`/crawlers/${name}/runs`),
    refetchInterval: (query) => (query.state.data?.runs.some((run) => run.state === 'RUNNING') ? LOOK_EVERY_MS : false),
  });
  return (
    <section className="card" data-testid="runs">
      <h2>Runs of {name}</h2>
      {runs.error !== null && <Failure error={runs.error} />}
      {runs.isPending && <p className="empty">Loading …</p>}
      {runs.data !== undefined && (
        <Rows
          rows={runs.data.runs}
          keyOf={(run) => run.id}
          empty="It has not run yet."
          columns={[
            { title: 'Started', cell: (run) => when(run.startedAt) },
            {
              title: 'State',
              cell: (run) => (
                <>
                  <State state={run.state} />
                  {run.state === 'RUNNING' && <span className="sub"> {run.phase.toLowerCase()}</span>}
                </>
              ),
            },
            {
              title: 'Took',
              numeric: true,
              cell: (run) => (run.endedAt === undefined ? '–' : duration(run.endedAt - run.startedAt)),
            },
            { title: 'Objects', numeric: true, cell: (run) => count(run.objects) },
            { title: 'Read', numeric: true, cell: (run) => bytes(run.bytesRead) },
            { title: 'New', numeric: true, cell: (run) => count(run.tablesCreated) },
            { title: 'Changed', numeric: true, cell: (run) => count(run.tablesUpdated) },
            { title: 'Gone', numeric: true, cell: (run) => count(run.tablesDeleted) },
            { title: 'Partitions', numeric: true, cell: (run) => count(run.partitionsAdded) },
            { title: 'What it says', cell: (run) => <Said run={run} /> },
          ]}
        />
      )}
    </section>
  );
}

function Said({ run }: { readonly run: Run }) {
  const { messages, error } = run;
  if (messages.length === 0 && error === undefined) return <span className="sub">–</span>;
  return (
    <>
      {error !== undefined && <div className="bad">{error}</div>}
      {messages.length > 0 && (
        <details>
          <summary>
            {messages.length} {messages.length === 1 ? 'message' : 'messages'}
          </summary>
          <ul>
            {messages.map((message) => (
              <li key={message}>{message}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function NewCrawler({ onMade }: { readonly onMade: (name: string) => void }) {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: (input: Record<string, string>) => api.post<Crawler>('/crawlers', input),
    onSuccess: async (made) => {
      await client.invalidateQueries();
      onMade(made.name);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = [...form].map(([name, value]) => [name, String(value).trim()] as const);
    make.mutate(Object.fromEntries(given.filter(([, value]) => value !== '')));
  };
  return (
    <section className="card">
      <h2>New crawler</h2>
      <form onSubmit={submit}>
        <div className="row">
          <label className="field">
            Name
            <input name="name" required maxLength={255} />
          </label>
          <label className="field">
            Folder
            <input name="path" required placeholder="s3://raw/landing/" pattern="s3://.+" size={34} />
          </label>
          <label className="field">
            Kind
            <select name="kind" defaultValue="s3">
              <option value="s3">files</option>
              <option value="delta">Delta tables</option>
              <option value="iceberg">Iceberg tables</option>
              <option value="hudi">Hudi tables</option>
            </select>
          </label>
          <label className="field">
            Database
            <input name="database" required />
          </label>
          <label className="field">
            Prefix of names
            <input name="tablePrefix" size={10} />
          </label>
          <label className="field">
            Looks at
            <select name="recrawl" defaultValue="CRAWL_EVERYTHING">
              {Object.entries(POLICIES).map(([policy, word]) => (
                <option key={policy} value={policy}>
                  {word}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            Schedule
            <input name="schedule" placeholder="cron(15 3 * * ? *)" />
          </label>
          <button type="submit" className="primary" disabled={make.isPending}>
            Make
          </button>
        </div>
        {make.error !== null && <Failure error={make.error} />}
      </form>
    </section>
  );
}
