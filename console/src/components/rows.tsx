import type { ReactNode } from 'react';

/** A column of `Rows`: its title, how a cell is shown, and whether it is a number. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ReactNode;
  readonly numeric?: boolean;
}

/** A table of records, with what to say when there are none. */
export function Rows<T>({
  rows,
  columns,
  keyOf,
  empty,
}: {
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T, i: number) => string;
  readonly empty: ReactNode;
}) {
  if (rows.length === 0) return <div className="empty">{empty}</div>;
  return (
    <table className="rows">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.title} className={column.numeric ? 'num' : undefined}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={keyOf(row, i)}>
            {columns.map((column) => (
              <td key={column.title} className={column.numeric ? 'num' : undefined}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The rows of a result as they came: text cells, NULL told apart from the empty string. */
export function ResultGrid({
  columns,
  rows,
}: {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}) {
  const numeric = columns.map((column) =>
    /^(tinyint|smallint|integer|int|bigint|decimal|double|float|real|hugeint)/i.test(column.type),
  );
  return (
    <div className="scroll">
      <table className="rows mono" data-testid="result">
        <thead>
          <tr>
            {columns.map((column, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two columns of a result may share a name.
              <th key={`${i}-${column.name}`} title={column.type} className={numeric[i] ? 'num' : undefined}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a result have no identity but their place.
            <tr key={r}>
              {row.map((cell, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above.
                <td key={i} className={cell === null ? 'null' : numeric[i] ? 'num' : undefined}>
                  {cell ?? 'NULL'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
