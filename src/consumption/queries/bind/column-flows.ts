/**
 * Which columns of tables each column of a result is made of. Columns that only decide which rows there are (filters, join
 * conditions, groups) make none. Where the statement does not tell it without doubt nothing is said, and lineage is known
 * by tables alone.
 */
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { TableName } from '../../../governance/contract.ts';
import type { TableUse } from '../gate/inspect-statement.ts';
import { FlowResolver } from './flow-resolver.ts';
import { type FlowRelation, isNode, Unsure } from './flow-scope.ts';

/** A column of a result and what it is made of. */
export interface ResultColumnFlow {
  readonly output: string;
  readonly inputs: readonly { readonly table: TableName; readonly column: string }[];
}

/** A table of the statement with the columns the caller sees of it. */
export interface FlowSource {
  readonly use: TableUse;
  readonly name: TableName;
  readonly columns: readonly string[];
}

/** The flows of a statement by the place of the column, or undefined where they are not sure. */
export function columnFlows(tree: SyntaxNode, sources: readonly FlowSource[]): ResultColumnFlow[] | undefined {
  const origins = new Map<string, { readonly table: TableName; readonly column: string }>();
  const tables = new Map<SyntaxNode, FlowRelation>();
  for (const { use, name, columns } of sources) {
    tables.set(use.node, {
      alias: use.alias.toLowerCase(),
      schema: name.database,
      columns: columns.map((written) => {
        const column = written.toLowerCase();
        const key = JSON.stringify([name.database, name.table, column]);
        origins.set(key, { table: name, column });
        return { name: column, origins: new Set([key]) };
      }),
    });
  }
  try {
    if (!isNode(tree.node)) return undefined;
    return new FlowResolver(tables).query(tree.node).map((column) => ({
      output: column.name ?? '',
      inputs: [...column.origins].map((key) => origins.get(key)!),
    }));
  } catch (error) {
    if (error instanceof Unsure) return undefined;
    throw error;
  }
}

/** Flows under the names that the result really has; undefined where their number is another. */
export function flowsOfResult(
  flows: readonly ResultColumnFlow[] | undefined,
  columns: readonly { readonly name: string }[],
): ResultColumnFlow[] | undefined {
  if (flows?.length !== columns.length) return undefined;
  return flows.map(({ inputs }, i) => ({ output: columns[i]!.name.toLowerCase(), inputs }));
}
