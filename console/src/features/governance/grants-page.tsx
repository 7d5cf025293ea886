import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Grant {
  readonly id: string;
  readonly principal: string;
  readonly resource: Readonly<Record<string, unknown>> & { readonly kind: string };
  readonly permissions: readonly string[];
  readonly grantable: readonly string[];
  readonly grantedBy: string;
  readonly updatedAt: number;
}

interface Filter {
  readonly database: string;
  readonly table: string;
  readonly filter: string;
  readonly expression?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly masks?: Readonly<Record<string, string>>;
  readonly invalid?: string;
}

/** Lake Formation grants and data cells filters: who sees which rows and columns, at every door. */
export function GrantsPage() {
  const client = useQueryClient();
  const grants = useQuery({ queryKey: ['grants'], queryFn: () => api.get<{ grants: Grant[] }>('/grants') });
  const filters = useQuery({ queryKey: ['filters'], queryFn: () => api.get<{ filters: Filter[] }>('/filters') });
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['grants'] }),
      client.invalidateQueries({ queryKey: ['filters'] }),
    ]);
  const revoke = useMutation({ mutationFn: (id: string) => api.post(at`/grants/${id}/revoke`), onSuccess: refresh });
  const dropFilter = useMutation({
    mutationFn: (row: Filter) => api.delete(at`/filters/${row.database}/${row.table}/${row.filter}`),
    onSuccess: refresh,
  });
  return (
    <>
      <PageHead
        title="Grants"
        about="What is granted here holds at every door. Grants add up; what nobody granted is denied."
      />
      {[grants, filters, revoke, dropFilter].map(
        (step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />,
      )}
      <AddGrant filters={filters.data?.filters ?? []} onDone={refresh} />
      <section className="card">
        <h2>Grants</h2>
        <Rows
          rows={grants.data?.grants ?? []}
          keyOf={(grant) => grant.id}
          empty={grants.isPending ? 'Loading …' : 'Nothing is granted that you may see.'}
          columns={[
            { title: 'Principal', cell: (grant) => <span className="mono">{shortArn(grant.principal)}</span> },
            { title: 'On', cell: (grant) => <span className="mono">{resourceText(grant.resource)}</span> },
            { title: 'May', cell: (grant) => grant.permissions.join(', ') },
            { title: 'Since', cell: (grant) => when(grant.updatedAt) },
            {
              title: '',
              cell: (grant) => (
                <button
                  type="button"
                  className="danger"
                  onClick={() => revoke.mutate(grant.id)}
                  disabled={revoke.isPending}
                >
                  Revoke
                </button>
              ),
            },
          ]}
        />
      </section>
      <section className="card">
        <h2>Data cells filters</h2>
        <Rows
          rows={filters.data?.filters ?? []}
          keyOf={(row) => `${row.database}.${row.table}.${row.filter}`}
          empty="No filters yet: a filter names the rows, columns and masks that a grant shows."
          columns={[
            { title: 'Filter', cell: (row) => <b>{row.filter}</b> },
            { title: 'Table', cell: (row) => <span className="mono">{`${row.database}.${row.table}`}</span> },
            { title: 'Rows', cell: (row) => <span className="mono">{row.expression ?? 'all'}</span> },
            {
              title: 'Columns',
              cell: (row) => (
                <span className="mono">
                  {row.include?.join(', ') ?? (row.exclude?.length ? `all but ${row.exclude.join(', ')}` : 'all')}
                </span>
              ),
            },
            {
              title: 'Masks',
              cell: (row) => (
                <span className="mono">
                  {Object.entries(row.masks ?? {})
                    .map(([column, mask]) => `${column}: ${mask}`)
                    .join(', ')}
                </span>
              ),
            },
            {
              title: '',
              cell: (row) =>
                row.invalid === undefined ? null : (
                  <span className="badge bad" title={row.invalid}>
                    shows no rows
                  </span>
                ),
            },
            {
              title: '',
              cell: (row) => (
                <button
                  type="button"
                  className="danger"
                  onClick={() => dropFilter.mutate(row)}
                  disabled={dropFilter.isPending}
                >
                  Delete
                </button>
              ),
            },
          ]}
        />
      </section>
    </>
  );
}

function shortArn(arn: string): string {
  return arn.replace(/^arn:aws:iam::\d+:/, '');
}

function resourceText(resource: Grant['resource']): string {
  const { kind, database, table, filter, include, exclude, arn } = resource as Record<string, string> & {
    include?: string[];
    exclude?: string[];
    kind: string;
  };
  if (kind === 'catalog') return 'the catalog';
  if (kind === 'location') return String(arn);
  if (kind === 'database') return String(database);
  if (kind === 'tables') return `${database}.*`;
  if (kind === 'filter') return `${database}.${table} by ${filter}`;
  if (kind === 'columns')
    return `${database}.${table} (${include ? include.join(', ') : `all but ${exclude?.join(', ')}`})`;
  return `${database}.${table}`;
}

const list = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function AddGrant({
  filters,
  onDone,
}: {
  readonly filters: readonly Filter[];
  readonly onDone: () => Promise<unknown>;
}) {
  const users = useQuery({
    queryKey: ['users'],
    queryFn: () => api.get<{ users: { name: string; arn: string }[] }>('/users'),
  });
  const [principal, setPrincipal] = useState('');
  const [table, setTable] = useState('');
  const [rows, setRows] = useState('');
  const [hidden, setHidden] = useState('');
  const [masked, setMasked] = useState('');
  const grant = useMutation({
    mutationFn: async () => {
      const [database = '', name = ''] = table.split('.', 2);
      const shaped = rows.trim() !== '' || hidden.trim() !== '' || masked.trim() !== '';
      if (!shaped) return api.post('/grants', { principal, database, table: name, permissions: ['SELECT'] });
      const taken = new Set(filters.map((filter) => filter.filter));
      let filter = `${principal.split('/').at(-1)}_${name}`.toLowerCase();
      for (let i = 2; taken.has(filter); i++) filter = `${filter.replace(/_\d+$/, '')}_${i}`;
      await api.post('/filters', {
        database,
        table: name,
        filter,
        exclude: list(hidden),
        ...(rows.trim() === '' ? {} : { expression: rows.trim() }),
        ...(masked.trim() === '' ? {} : { masks: Object.fromEntries(list(masked).map((column) => [column, 'hash'])) }),
      });
      return api.post('/grants', { principal, database, table: name, filter, permissions: ['SELECT'] });
    },
    onSuccess: onDone,
  });
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        grant.mutate();
      }}
    >
      <h2>Let somebody read a table</h2>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <label className="field">
          Who
          <select required value={principal} onChange={(event) => setPrincipal(event.target.value)}>
            <option value="">choose …</option>
            {(users.data?.users ?? []).map((user) => (
              <option key={user.arn} value={user.arn}>
                {user.name}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          Table
          <input
            required
            placeholder="curated.customer_360"
            pattern="[^.]+\..+"
            title="database.table"
            value={table}
            onChange={(event) => setTable(event.target.value)}
          />
        </label>
        <label className="field">
          Only rows where (all if empty)
          <input placeholder="region = 'north'" value={rows} onChange={(event) => setRows(event.target.value)} />
        </label>
        <label className="field">
          Hidden columns
          <input placeholder="national_id" value={hidden} onChange={(event) => setHidden(event.target.value)} />
        </label>
        <label className="field">
          Masked columns (hash)
          <input placeholder="email" value={masked} onChange={(event) => setMasked(event.target.value)} />
        </label>
        <button type="submit" className="primary" disabled={grant.isPending}>
          Grant SELECT
        </button>
      </div>
      {grant.error !== null && <Failure error={grant.error} />}
    </form>
  );
}
