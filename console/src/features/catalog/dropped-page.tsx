import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Dropped {
  readonly database: string;
  readonly table: string;
  readonly id: string;
  readonly droppedAt: number;
  readonly purgeAt: number;
}

/** The bin: dropped tables, kept for seven days. */
export function DroppedPage() {
  const client = useQueryClient();
  const dropped = useQuery({ queryKey: ['dropped'], queryFn: () => api.get<{ tables: Dropped[] }>('/dropped-tables') });
  const restore = useMutation({
    mutationFn: (id: string) => api.post(at`/dropped-tables/${id}/restore`),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <>
      <PageHead title="Dropped tables" about="Kept for 7 days with their data and grants, then removed." />
      {dropped.error !== null && <Failure error={dropped.error} />}
      {restore.error !== null && <Failure error={restore.error} />}
      <section className="card">
        <Rows
          rows={dropped.data?.tables ?? []}
          keyOf={(table) => table.id}
          empty={
            <>
              Nothing was dropped.{' '}
              <Link to="/catalog" search={{ q: undefined, database: undefined }}>
                To the catalog
              </Link>
            </>
          }
          columns={[
            { title: 'Table', cell: (table) => `${table.database}.${table.table}` },
            { title: 'Dropped', cell: (table) => when(table.droppedAt) },
            { title: 'Removed for good', cell: (table) => when(table.purgeAt) },
            {
              title: '',
              cell: (table) => (
                <button type="button" onClick={() => restore.mutate(table.id)} disabled={restore.isPending}>
                  Restore
                </button>
              ),
            },
          ]}
        />
      </section>
    </>
  );
}
