import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import { BatchCard } from './batch-card.tsx';
import { FiguresCard } from './figures-card.tsx';
import { place } from './storage-types.ts';

interface Scrub {
  readonly state: 'never' | 'running' | 'done';
  readonly startedAt?: number;
  readonly lastEndedAt?: number;
  readonly versions: number;
  readonly bytes: number;
  readonly sealed: number;
  readonly damages: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly versionId: string;
    readonly kind: 'corrupt' | 'missing';
    readonly detail: string;
    readonly foundAt: number;
  }[];
}

interface Durability {
  readonly places: readonly {
    readonly name: string;
    readonly medium: 'disk' | 'service';
    readonly copies: number;
    readonly tolerates: number;
    readonly state: 'green' | 'yellow' | 'red';
    readonly why: readonly string[];
    readonly model?: {
      readonly yearlyLoss: number;
      readonly inputs: {
        readonly diskFailuresPerYear: number;
        readonly bytes: number;
        readonly fullReadsPerYear: number;
      };
    };
  }[];
  readonly lastScrubAt?: number;
  readonly damagedVersions: number;
}

interface Tiers {
  readonly tiers: readonly {
    readonly name: string;
    readonly location: string;
    readonly storageClasses: readonly string[];
    readonly latency: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly versions?: number;
    readonly bytes?: number;
  }[];
  readonly waiting: number;
  readonly failure?: string;
  readonly restoring: number;
  readonly restored: number;
}

interface Run {
  readonly bucket: string;
  readonly state: 'versions' | 'uploads' | 'done';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly counts: Readonly<Record<'seen' | 'expired' | 'removed' | 'moved' | 'aborted' | 'kept', number>>;
  readonly failure?: string;
}

/** What the store does by itself, and how it is: every byte verified, classes and where they lie, lifecycle runs. */
export function StoreState() {
  return (
    <>
      <PageHead
        title="State of the store"
        about={
          <Link to="/storage" search={place()}>
            Back to the buckets
          </Link>
        }
      />
      <FiguresCard />
      <DurabilityCard />
      <ScrubCard />
      <TiersCard />
      <LifecycleCard />
      <BatchCard />
    </>
  );
}

const BADGE = { green: 'good', yellow: 'wait', red: 'bad' } as const;

function DurabilityCard() {
  const durability = useQuery({
    queryKey: ['durability'],
    queryFn: () => api.get<Durability>('/durability'),
    refetchInterval: 10_000,
  });
  const { data } = durability;
  const inputs = data?.places.find(({ model }) => model !== undefined)?.model?.inputs;
  return (
    <section className="card" aria-label="Durability">
      <h2>Durability</h2>
      {durability.error !== null && <Failure error={durability.error} />}
      {data !== undefined && (
        <p className="sub">
          {data.lastScrubAt === undefined
            ? 'Not verified in full yet'
            : `Last verified in full ${when(data.lastScrubAt)}`}
          {`; ${count(data.damagedVersions)} damaged versions.`}
          {inputs !== undefined &&
            ` The yearly loss is a model: ${inputs.diskFailuresPerYear * 100} % of disks fail in a year, and all bytes are read ${inputs.fullReadsPerYear.toFixed(0)} times. Backups elsewhere are what saves from it.`}
        </p>
      )}
      <Rows
        rows={data?.places ?? []}
        keyOf={(row) => row.name}
        empty={durability.isPending ? 'Loading …' : ''}
        columns={[
          { title: 'Place', cell: (row) => row.name },
          { title: 'On', cell: (row) => (row.medium === 'disk' ? 'a disk' : 'another service') },
          { title: 'Copies', numeric: true, cell: (row) => count(row.copies) },
          { title: 'Failures tolerated now', numeric: true, cell: (row) => count(row.tolerates) },
          {
            title: 'Modelled yearly loss',
            numeric: true,
            cell: (row) => (row.model === undefined ? '–' : `${(row.model.yearlyLoss * 100).toPrecision(3)} %`),
          },
          { title: 'Why', cell: (row) => row.why.join('; ') },
          { title: '', cell: (row) => <span className={`badge ${BADGE[row.state]}`}>{row.state}</span> },
        ]}
      />
    </section>
  );
}

function ScrubCard() {
  const client = useQueryClient();
  const scrub = useQuery({ queryKey: ['scrub'], queryFn: () => api.get<Scrub>('/scrub'), refetchInterval: 3000 });
  const run = useMutation({
    mutationFn: () => api.post<Scrub>('/scrub'),
    onSuccess: (state) => client.setQueryData(['scrub'], state),
  });
  const { data } = scrub;
  return (
    <section className="card" aria-label="Scrub">
      <div className="spread">
        <h2>Scrub</h2>
        <button type="button" onClick={() => run.mutate()} disabled={run.isPending || data === undefined}>
          {run.isPending ? 'Reading everything …' : 'Verify now'}
        </button>
      </div>
      {[scrub, run].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      {data !== undefined && (
        <>
          <p className="sub">
            {data.state === 'never' && 'Nothing was verified yet; a round begins a minute after the start.'}
            {data.state === 'running' && `A round is under way since ${when(data.startedAt)}: `}
            {data.state === 'done' && `The last round ended ${when(data.lastEndedAt)}: `}
            {data.state !== 'never' && `${count(data.versions)} versions, ${bytes(data.bytes)} read and compared.`}
            {data.sealed > 0 && ` ${count(data.sealed)} are sealed with customers’ keys and could only be read.`}
          </p>
          <Rows
            rows={data.damages}
            keyOf={(row) => row.versionId}
            empty={data.state === 'never' ? '' : 'No damage was found.'}
            columns={[
              { title: 'Object', cell: (row) => <span className="mono">{`s3://${row.bucket}/${row.key}`}</span> },
              { title: 'Version', cell: (row) => <span className="mono">{row.versionId}</span> },
              { title: 'What', cell: (row) => <span className="badge bad">{row.kind}</span> },
              { title: 'Detail', cell: (row) => row.detail },
              { title: 'Found', cell: (row) => when(row.foundAt) },
            ]}
          />
        </>
      )}
    </section>
  );
}

function TiersCard() {
  const tiers = useQuery({ queryKey: ['tiers'], queryFn: () => api.get<Tiers>('/tiers'), refetchInterval: 5000 });
  const { data } = tiers;
  return (
    <section className="card" aria-label="Tiers">
      <h2>Tiers</h2>
      {tiers.error !== null && <Failure error={tiers.error} />}
      <Rows
        rows={data?.tiers ?? []}
        keyOf={(row) => row.name}
        empty={tiers.isPending ? 'Loading …' : 'One place holds all classes; `storage.tiers` names others.'}
        columns={[
          { title: 'Place', cell: (row) => row.name },
          { title: 'Classes', cell: (row) => row.storageClasses.join(', ') },
          { title: 'Where', cell: (row) => <span className="mono">{row.location}</span> },
          { title: 'Answers in', cell: (row) => row.latency },
          { title: 'Versions', numeric: true, cell: (row) => count(row.versions) },
          { title: 'Bytes', numeric: true, cell: (row) => (row.bytes === undefined ? '–' : bytes(row.bytes)) },
          {
            title: '',
            cell: (row) => (
              <span className={`badge ${row.ok ? 'good' : 'bad'}`} title={row.detail}>
                {row.ok ? 'ok' : row.detail}
              </span>
            ),
          },
        ]}
      />
      {data !== undefined && (
        <p className="sub">
          {count(data.waiting)} wait to be moved, {count(data.restoring)} are being restored, {count(data.restored)} are
          restored for a time.{data.failure === undefined ? '' : ` Moving stands still: ${data.failure}`}
        </p>
      )}
    </section>
  );
}

function LifecycleCard() {
  const runs = useQuery({
    queryKey: ['lifecycle'],
    queryFn: () => api.get<{ runs: Run[] }>('/lifecycle'),
    refetchInterval: 3000,
  });
  return (
    <section className="card" aria-label="Lifecycle runs">
      <h2>Lifecycle runs</h2>
      {runs.error !== null && <Failure error={runs.error} />}
      <Rows
        rows={runs.data?.runs ?? []}
        keyOf={(row) => row.bucket}
        empty={
          runs.isPending
            ? 'Loading …'
            : 'No rules have run yet: they do daily at 00:00 UTC, or on demand from a bucket’s settings.'
        }
        columns={[
          {
            title: 'Bucket',
            cell: (row) => (
              <Link to="/storage" search={place({ bucket: row.bucket, tab: 'settings' })}>
                {row.bucket}
              </Link>
            ),
          },
          { title: 'State', cell: (row) => <State state={stateOf(row)} /> },
          { title: 'Began', cell: (row) => when(row.startedAt) },
          { title: 'Seen', numeric: true, cell: (row) => count(row.counts.seen) },
          { title: 'Expired', numeric: true, cell: (row) => count(row.counts.expired) },
          { title: 'Removed', numeric: true, cell: (row) => count(row.counts.removed) },
          { title: 'Moved', numeric: true, cell: (row) => count(row.counts.moved) },
          { title: 'Left alone', numeric: true, cell: (row) => count(row.counts.kept) },
          { title: '', cell: (row) => row.failure ?? '' },
        ]}
      />
    </section>
  );
}

function stateOf({ state, failure }: Run): string {
  if (failure !== undefined) return 'FAILED';
  return state === 'done' ? 'SUCCEEDED' : 'RUNNING';
}
