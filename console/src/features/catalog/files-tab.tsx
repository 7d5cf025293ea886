import { useQuery } from '@tanstack/react-query';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

interface Files {
  readonly total: number;
  readonly bytes: number;
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly partition: Readonly<Record<string, string | null>>;
  }[];
}

/** The data files of the current snapshot; for those alone who may see the whole table. */
export function FilesTab({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const files = useQuery({
    queryKey: ['files', name],
    queryFn: () => api.get<Files>(at`/tables/${name.database}/${name.table}/files`),
  });
  if (files.error) return <Failure error={files.error} />;
  if (files.isPending) return <p className="empty">Loading …</p>;
  const { total, files: shown } = files.data;
  return (
    <>
      <p className="sub">
        {count(total)} data files of {bytes(files.data.bytes)}
        {shown.length < total && `, the first ${shown.length} of them`}
      </p>
      <Rows
        rows={shown}
        keyOf={(file) => file.path}
        empty="The table has no data files yet."
        columns={[
          { title: 'File', cell: (file) => <span className="mono">{file.path}</span> },
          {
            title: 'Partition',
            cell: (file) => (
              <span className="mono">
                {Object.entries(file.partition)
                  .map(([key, value]) => `${key}=${value ?? 'null'}`)
                  .join('/') || '–'}
              </span>
            ),
          },
          { title: 'Size', numeric: true, cell: (file) => bytes(file.bytes) },
        ]}
      />
    </>
  );
}
