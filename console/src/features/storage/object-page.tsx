import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import { Crumbs } from './crumbs.tsx';
import { classOf } from './objects.tsx';
import { type ObjectHead, type ObjectVersion, objectQuery, place } from './storage-types.ts';
import { WhoMay } from './who-may.tsx';

/** One object: what it is, its versions, its tags; download, delete, and making an older version current. */
export function ObjectPage({ bucket, objectKey }: { readonly bucket: string; readonly objectKey: string }) {
  const client = useQueryClient();
  const navigate = useNavigate({ from: '/storage' });
  const folder = objectKey.slice(0, objectKey.lastIndexOf('/') + 1);
  const query = objectQuery(bucket, objectKey);
  const head = useQuery({
    queryKey: ['object', bucket, objectKey],
    queryFn: () => api.get<ObjectHead>(`/object?${query}`),
  });
  const remove = useMutation({
    mutationFn: () => api.delete(`/object?${query}`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['objects', bucket] });
      await client.invalidateQueries({ queryKey: ['versions', bucket, objectKey] });
      await navigate({ search: place({ bucket, prefix: folder || undefined }) });
    },
  });
  return (
    <>
      <PageHead
        title={objectKey.slice(folder.length) || objectKey}
        about={<Crumbs bucket={bucket} prefix={folder} />}
        actions={
          head.data !== undefined && (
            <>
              <a className="button" href={`/api/object/content?${query}`} download>
                Download
              </a>
              <button type="button" className="danger" onClick={() => remove.mutate()} disabled={remove.isPending}>
                Delete
              </button>
            </>
          )
        }
      />
      {head.error !== null && <Failure error={head.error} />}
      {remove.error !== null && <Failure error={remove.error} />}
      {head.data !== undefined && <About object={head.data} />}
      {head.data !== undefined && <Tags bucket={bucket} object={head.data} />}
      <Versions bucket={bucket} objectKey={objectKey} />
      {head.data !== undefined && <WhoMay bucket={bucket} objectKey={objectKey} />}
    </>
  );
}

function About({ object }: { readonly object: ObjectHead }) {
  const { encryption, retention, legalHold, restore } = object.attributes;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Size', `${bytes(object.size)} (${object.size} bytes)`],
    ['Changed', when(object.lastModified)],
    ['Content type', object.contentType],
    ['ETag', object.etag.replaceAll('"', '')],
    ['Version', object.isNull ? 'null (versions are not kept)' : object.versionId],
    ['Class', classOf(object)],
    ['Restored', restore === undefined ? undefined : restore.ongoing ? 'on its way' : `until ${when(restore.until!)}`],
    ['Encryption', encryption === undefined ? 'none' : [encryption.algorithm, encryption.keyId].join(' ').trim()],
    ['Locked', retention === undefined ? undefined : `${retention.mode} until ${when(retention.until)}`],
    ['Legal hold', legalHold ? 'on' : undefined],
    ...Object.entries(object.checksums).map(([name, value]) => [name.toUpperCase(), value] as const),
    ...Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value] as const),
  ];
  return (
    <section className="card">
      <dl className="facts">
        {facts.map(([name, value]) =>
          value === undefined ? null : (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ),
        )}
      </dl>
    </section>
  );
}

/** `name=value` a line. */
function parseTags(text: string): Record<string, string> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

function Tags({ bucket, object }: { readonly bucket: string; readonly object: ObjectHead }) {
  const client = useQueryClient();
  const now = Object.entries(object.attributes.tags ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
  const [text, setText] = useState(now);
  const save = useMutation({
    mutationFn: () => api.put(`/object/tags?${objectQuery(bucket, object.key)}`, { tags: parseTags(text) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['object', bucket, object.key] }),
  });
  return (
    <section className="card">
      <h2>Tags</h2>
      {save.error !== null && <Failure error={save.error} />}
      <label className="field">
        One to a line, name=value; up to ten
        <textarea rows={3} value={text} onChange={(event) => setText(event.target.value)} placeholder="line=cards" />
      </label>
      <p>
        <button type="button" onClick={() => save.mutate()} disabled={text === now || save.isPending}>
          Save tags
        </button>
      </p>
    </section>
  );
}

function Versions({ bucket, objectKey }: { readonly bucket: string; readonly objectKey: string }) {
  const client = useQueryClient();
  const versions = useQuery({
    queryKey: ['versions', bucket, objectKey],
    queryFn: () => api.get<{ versions: ObjectVersion[] }>(`/object/versions?${objectQuery(bucket, objectKey)}`),
  });
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ['versions', bucket, objectKey] });
    await client.invalidateQueries({ queryKey: ['object', bucket, objectKey] });
  };
  const restore = useMutation({
    mutationFn: (versionId: string) => api.post('/object/restore', { bucket, key: objectKey, versionId }),
    onSuccess: refresh,
  });
  const remove = useMutation({
    mutationFn: (versionId: string) => api.delete(`/object?${objectQuery(bucket, objectKey, versionId)}`),
    onSuccess: refresh,
  });
  const idOf = (version: ObjectVersion) => (version.isNull ? 'null' : version.versionId);
  return (
    <section className="card">
      <h2>Versions</h2>
      {[versions, restore, remove].map(
        (step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />,
      )}
      <Rows
        rows={versions.data?.versions ?? []}
        keyOf={(version) => version.versionId}
        empty={
          versions.isPending ? (
            'Loading …'
          ) : (
            <>
              No version is left.{' '}
              <Link to="/storage" search={place({ bucket })}>
                Back to the bucket
              </Link>
            </>
          )
        }
        columns={[
          { title: 'Version', cell: (version) => <span className="mono">{idOf(version)}</span> },
          { title: 'Made', cell: (version) => when(version.lastModified) },
          { title: 'Size', numeric: true, cell: (version) => (version.deleteMarker ? '' : bytes(version.size)) },
          {
            title: '',
            cell: (version) => (
              <span className="row">
                {version.isLatest && <span className="badge good">current</span>}
                {version.deleteMarker && <span className="badge wait">delete marker</span>}
              </span>
            ),
          },
          {
            title: '',
            cell: (version) => (
              <span className="row">
                {!version.deleteMarker && (
                  <a
                    className="button"
                    download
                    href={`/api/object/content?${objectQuery(bucket, objectKey, idOf(version))}`}
                  >
                    Download
                  </a>
                )}
                {!version.isLatest && !version.deleteMarker && (
                  <button type="button" onClick={() => restore.mutate(idOf(version))}>
                    Make current
                  </button>
                )}
                <button
                  type="button"
                  className="danger"
                  aria-label={`Delete version ${idOf(version)} for good`}
                  onClick={() => remove.mutate(idOf(version))}
                >
                  {version.deleteMarker ? 'Remove marker' : 'Delete for good'}
                </button>
              </span>
            ),
          },
        ]}
      />
    </section>
  );
}
