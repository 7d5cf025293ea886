import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';
import type { TableRecord } from './table-page.tsx';

interface Column {
  readonly name: string;
  readonly type: string;
}

interface Difference {
  readonly from: number;
  readonly to: number;
  readonly changed: readonly { readonly field: string; readonly from?: string; readonly to?: string }[];
  readonly columnsAdded: readonly Column[];
  readonly columnsRemoved: readonly Column[];
  readonly columnsChanged: readonly { readonly from: Column; readonly to: Column }[];
}

/** Who is meant by an ARN: its last part. */
const who = (arn: string | undefined) => arn?.split(':').at(-1) ?? 'unknown';
const DOORS: Readonly<Record<string, string>> = { aws: 'AWS API or SQL', iceberg: 'Iceberg REST', console: 'console' };

/** The versions of a table: who made them by which door, what each changed, and bringing one back. */
export function VersionsTab({
  table,
  versions,
}: {
  readonly table: TableRecord;
  readonly versions: readonly TableRecord[];
}) {
  const [shown, setShown] = useState<number>();
  const client = useQueryClient();
  const restore = useMutation({
    mutationFn: (version: number) => api.post(at`/tables/${table.database}/${table.name}/versions/${version}/restore`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['table'] }),
  });
  const before = (version: number) =>
    versions
      .map((one) => one.version)
      .filter((one) => one < version)
      .sort((a, b) => b - a)[0];
  const from = shown === undefined ? undefined : before(shown);
  return (
    <>
      {restore.error && <Failure error={restore.error} />}
      <Rows
        rows={versions}
        keyOf={(version) => String(version.version)}
        empty="There are no earlier versions."
        columns={[
          { title: 'Version', numeric: true, cell: (version) => version.version },
          { title: 'When', cell: (version) => when(version.updatedAt) },
          { title: 'Who', cell: (version) => <span title={version.updatedBy}>{who(version.updatedBy)}</span> },
          {
            title: 'Door',
            cell: (version) =>
              version.updatedThrough === undefined
                ? 'unknown'
                : (DOORS[version.updatedThrough] ?? version.updatedThrough),
          },
          {
            title: '',
            cell: (version) =>
              before(version.version) === undefined ? (
                <span className="sub">the oldest that is kept</span>
              ) : (
                <button type="button" onClick={() => setShown(version.version)}>
                  What changed in {version.version}
                </button>
              ),
          },
          {
            title: '',
            cell: (version) =>
              version.version === table.version ? (
                <span className="sub">current</span>
              ) : (
                <button type="button" disabled={restore.isPending} onClick={() => restore.mutate(version.version)}>
                  Restore {version.version}
                </button>
              ),
          },
        ]}
      />
      {shown !== undefined && from !== undefined && <Changes table={table} from={from} to={shown} />}
    </>
  );
}

function Changes({ table, from, to }: { readonly table: TableRecord; readonly from: number; readonly to: number }) {
  const difference = useQuery({
    queryKey: ['difference', table.database, table.name, from, to],
    queryFn: () => api.get<Difference>(at`/tables/${table.database}/${table.name}/versions/diff?from=${from}&to=${to}`),
  });
  if (difference.error) return <Failure error={difference.error} />;
  if (difference.isPending) return <p className="empty">Loading …</p>;
  const { changed, columnsAdded, columnsRemoved, columnsChanged } = difference.data;
  const lines = [
    ...columnsAdded.map(({ name, type }) => ({ what: `column ${name}`, before: '–', after: type })),
    ...columnsRemoved.map(({ name, type }) => ({ what: `column ${name}`, before: type, after: '–' })),
    ...columnsChanged.map((one) => ({
      what: `column ${one.to.name}`,
      before: one.from.type,
      after: one.from.type === one.to.type ? 'other words' : one.to.type,
    })),
    ...changed.map(({ field, from: before, to: after }) => ({
      what: field,
      before: before ?? '–',
      after: after ?? '–',
    })),
  ];
  return (
    <section data-testid="difference">
      <h2>
        From version {from} to {to}
      </h2>
      <Rows
        rows={lines}
        keyOf={(line) => line.what}
        empty="Nothing that is kept of a version is different; data may be."
        columns={[
          { title: 'What', cell: (line) => line.what },
          { title: 'Before', cell: (line) => <span className="mono">{line.before}</span> },
          { title: 'After', cell: (line) => <span className="mono">{line.after}</span> },
        ]}
      />
    </section>
  );
}
