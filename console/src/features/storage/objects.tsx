import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type DragEvent, useRef, useState } from 'react';
import { api, uploadFile } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';
import { type ObjectHead, objectQuery, place } from './storage-types.ts';

interface Listing {
  readonly objects: readonly ObjectHead[];
  readonly prefixes: readonly string[];
  readonly next?: string;
}

type Entry = { readonly name: string; readonly prefix?: string; readonly object?: ObjectHead };

/** What lies in a folder of a bucket; files dropped or chosen are uploaded into it. */
export function Objects({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
  const listing = useInfiniteQuery({
    queryKey: ['objects', bucket, prefix],
    queryFn: ({ pageParam }) =>
      api.get<Listing>(`/objects?${new URLSearchParams({ bucket, prefix, ...(pageParam && { after: pageParam }) })}`),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
  const entries: Entry[] = (listing.data?.pages ?? []).flatMap((page) => [
    ...page.prefixes.map((inner) => ({ name: inner.slice(prefix.length), prefix: inner })),
    ...page.objects.map((object) => ({ name: object.key.slice(prefix.length), object })),
  ]);
  return (
    <>
      <Uploads bucket={bucket} prefix={prefix} />
      {listing.error !== null && <Failure error={listing.error} />}
      <section className="card">
        <Rows
          rows={entries}
          keyOf={(entry) => entry.prefix ?? `object ${entry.name}`}
          empty={listing.isPending ? 'Loading …' : listing.error === null ? 'Nothing here.' : 'Nothing can be shown.'}
          columns={[
            {
              title: 'Name',
              cell: ({ name, prefix: inner, object }) => (
                <Link
                  className="mono"
                  to="/storage"
                  search={object === undefined ? place({ bucket, prefix: inner }) : place({ bucket, key: object.key })}
                >
                  {name === '' ? '(this folder)' : name}
                </Link>
              ),
            },
            { title: 'Size', numeric: true, cell: ({ object }) => (object === undefined ? '' : bytes(object.size)) },
            { title: 'Class', cell: ({ object }) => (object === undefined ? '' : classOf(object)) },
            { title: 'Changed', cell: ({ object }) => (object === undefined ? '' : when(object.lastModified)) },
          ]}
        />
        {listing.hasNextPage && (
          <p>
            <button type="button" onClick={() => listing.fetchNextPage()} disabled={listing.isFetchingNextPage}>
              More objects
            </button>
          </p>
        )}
      </section>
    </>
  );
}

/** The storage class in S3's word. */
export const classOf = (object: ObjectHead): string => object.attributes.storageClass ?? 'STANDARD';

function Uploads({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [progress, setProgress] = useState<{ readonly file: string; readonly share: number }>();
  const send = useMutation({
    mutationFn: async (files: readonly File[]) => {
      for (const file of files) {
        const path = `/uploads/object?${objectQuery(bucket, prefix + file.name)}`;
        await uploadFile(file, path, (share) => setProgress({ file: file.name, share }));
      }
    },
    onSettled: async () => {
      setProgress(undefined);
      await client.invalidateQueries({ queryKey: ['objects', bucket] });
    },
  });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    send.mutate([...event.dataTransfer.files]);
  };
  return (
    <section
      className={`card drop${over ? ' over' : ''}`}
      aria-label="Upload"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {send.error !== null && <Failure error={send.error} />}
      <div className="row">
        <button type="button" onClick={() => input.current?.click()} disabled={send.isPending}>
          Upload files
        </button>
        <span className="sub">or drop them here; they go to {`${bucket}/${prefix}`}</span>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event) => {
            send.mutate([...(event.target.files ?? [])]);
            event.target.value = '';
          }}
        />
      </div>
      {progress !== undefined && (
        <div role="status">
          {progress.file}: {Math.round(progress.share * 100)} %
          <div className="bar">
            <div style={{ width: `${progress.share * 100}%` }} />
          </div>
        </div>
      )}
    </section>
  );
}
