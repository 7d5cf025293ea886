import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';
import { place } from './storage-types.ts';

interface Counts {
  readonly versions: number;
  readonly currentObjects: number;
  readonly deleteMarkers: number;
  readonly bytes: number;
  readonly noncurrentBytes: number;
  readonly encryptedVersions: number;
  readonly encryptedBytes: number;
  readonly largest: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  readonly classes: Readonly<Record<string, { readonly versions: number; readonly bytes: number }>>;
}

interface Figures {
  readonly bucket: string;
  readonly state: 'never' | 'counting' | 'done';
  readonly endedAt?: number;
  readonly total?: Counts;
  readonly prefixes: readonly { readonly prefix: string; readonly counts: Counts }[];
  readonly others?: { readonly prefixes: number; readonly counts: Counts };
  readonly failure?: string;
}

interface Line {
  readonly name: string;
  readonly counts: Counts;
  /** Of the bucket as a whole; the lines of its prefixes follow. */
  readonly bucket?: Figures;
}

const KEY = ['storage-figures'];

/** What every bucket and its first-level prefixes hold, as they were last counted. */
export function FiguresCard() {
  const client = useQueryClient();
  const figures = useQuery({ queryKey: KEY, queryFn: () => api.get<{ buckets: Figures[] }>('/storage-figures') });
  const run = useMutation({
    mutationFn: () => api.post<{ buckets: Figures[] }>('/storage-figures'),
    onSuccess: (counted) => client.setQueryData(KEY, counted),
  });
  const buckets = figures.data?.buckets ?? [];
  return (
    <section className="card" aria-label="Figures">
      <div className="spread">
        <h2>Figures</h2>
        <button type="button" onClick={() => run.mutate()} disabled={run.isPending}>
          {run.isPending ? 'Counting …' : 'Count now'}
        </button>
      </div>
      {[figures, run].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      {buckets.map(
        ({ bucket, failure }) =>
          failure !== undefined && <p key={bucket} className="sub">{`Counting ${bucket} stands still: ${failure}`}</p>,
      )}
      <div className="scroll">
        <Rows
          rows={buckets.flatMap(linesOf)}
          keyOf={(line, i) => `${i} ${line.name}`}
          empty={figures.isPending ? 'Loading …' : 'Nothing was counted yet: that happens daily, or now.'}
          columns={[
            { title: 'Bucket, prefix', cell: nameCell },
            { title: 'Objects', numeric: true, cell: ({ counts }) => count(counts.currentObjects) },
            { title: 'Versions', numeric: true, cell: ({ counts }) => count(counts.versions) },
            { title: 'Bytes', numeric: true, cell: ({ counts }) => bytes(counts.bytes) },
            { title: 'Noncurrent', numeric: true, cell: ({ counts }) => bytes(counts.noncurrentBytes) },
            { title: 'Markers', numeric: true, cell: ({ counts }) => count(counts.deleteMarkers) },
            { title: 'Average', numeric: true, cell: ({ counts }) => average(counts) },
            { title: 'Largest', numeric: true, cell: ({ counts }) => bytes(counts.largest) },
            {
              title: 'Encrypted',
              numeric: true,
              cell: ({ counts }) => share(counts.encryptedVersions, counts.versions),
            },
            {
              title: 'Uploads',
              numeric: true,
              cell: ({ counts }) => `${count(counts.uploads)} (${bytes(counts.uploadBytes)})`,
            },
            { title: 'Classes', cell: ({ counts }) => classesOf(counts) },
            { title: 'Counted', cell: ({ bucket }) => (bucket === undefined ? '' : when(bucket.endedAt)) },
          ]}
        />
      </div>
    </section>
  );
}

function linesOf(figures: Figures): Line[] {
  const { bucket, total, prefixes, others } = figures;
  if (total === undefined) return [];
  return [
    { name: bucket, counts: total, bucket: figures },
    ...prefixes.map(({ prefix, counts }) => ({ name: prefix === '' ? '(no prefix)' : prefix, counts })),
    ...(others === undefined ? [] : [{ name: `${count(others.prefixes)} other prefixes`, counts: others.counts }]),
  ];
}

function nameCell({ name, bucket }: Line) {
  if (bucket === undefined) return <span className="mono">{name}</span>;
  return (
    <Link to="/storage" search={place({ bucket: name })}>
      {name}
    </Link>
  );
}

const average = ({ bytes: sum, versions }: Counts): string =>
  versions === 0 ? '–' : bytes(Math.round(sum / versions));

const share = (part: number, whole: number): string => (whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`);

const classesOf = ({ classes }: Counts): string =>
  Object.entries(classes)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, { bytes: sum }]) => `${name} ${bytes(sum)}`)
    .join(', ');
