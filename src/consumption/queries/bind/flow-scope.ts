/**
 * What names mean inside one SELECT, for lineage: the relations of its FROM with the columns of tables that each of their
 * columns is made of.
 *
 * Invariant: what is not certain throws `Unsure`; the statement's lineage is then known by tables alone. A guess is never made.
 */
import type { SyntaxNode } from '../../../engines/contract.ts';

/** Which columns of tables a value is made of, each as a key. */
export type Origins = ReadonlySet<string>;

/** A column of a relation or result; without a name where the engine makes one up. */
export interface FlowColumn {
  readonly name: string | undefined;
  readonly origins: Origins;
}

/** A thing in FROM. */
export interface FlowRelation {
  /** Lower case; undefined for what has no name of its own. */
  readonly alias: string | undefined;
  readonly schema: string | undefined;
  readonly columns: readonly FlowColumn[];
}

/** The lineage of this statement cannot be told by columns. */
export class Unsure extends Error {}

export const NO_ORIGINS: Origins = new Set();

/** All origins of several values. */
export function union(all: Iterable<Origins>): Origins {
  const joined = new Set<string>();
  for (const origins of all) for (const origin of origins) joined.add(origin);
  return joined;
}

/** A node of the syntax tree. */
export const isNode = (value: unknown): value is SyntaxNode =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** A list of nodes; none where there is no list. */
export const nodes = (value: unknown): readonly SyntaxNode[] => (Array.isArray(value) ? value.filter(isNode) : []);

/** Names of a list in lower case; none where there is no list. */
export const namesOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((name) => String(name).toLowerCase()) : [];

/** The relations of a FROM in order; columns joined by USING or NATURAL are one column under their bare name. */
export class FlowScope {
  readonly relations: FlowRelation[];
  /** Bare names that joins made one. */
  readonly #merged: ReadonlyMap<string, Origins>;
  readonly #outer: FlowScope | undefined;

  constructor(
    relations: readonly FlowRelation[],
    outer: FlowScope | undefined,
    merged: ReadonlyMap<string, Origins> = new Map(),
  ) {
    this.relations = [...relations];
    this.#merged = merged;
    this.#outer = outer;
  }

  get merged(): ReadonlyMap<string, Origins> {
    return this.#merged;
  }

  /** Origins of a reference such as `column`, `table.column`, `schema.table.column` or `column.field`. */
  find(names: readonly string[]): Origins | undefined {
    const qualified = this.#qualified(names);
    if (qualified !== undefined) return qualified;
    const merged = this.#merged.get(names[0]!);
    if (merged !== undefined) return merged;
    const bare = this.relations.flatMap(({ columns }) => columns.filter(({ name }) => name === names[0]));
    if (bare.length > 1) throw new Unsure();
    if (bare.length === 1) return bare[0]!.origins;
    // A table by its own name is its whole row.
    const rows = names.length === 1 ? this.relations.filter(({ alias }) => alias === names[0]) : [];
    if (rows.length > 1) throw new Unsure();
    if (rows.length === 1) return union(rows[0]!.columns.map(({ origins }) => origins));
    return this.#outer?.find(names);
  }

  #qualified(names: readonly string[]): Origins | undefined {
    // `catalog.schema.table.column`, `schema.table.column`, `table.column`; what follows are fields.
    for (let before = Math.min(2, names.length - 2); before >= 0; before--) {
      const found = this.relations.filter(
        ({ alias, schema }) => alias === names[before] && (before === 0 || schema === names[before - 1]),
      );
      const columns = found.flatMap((relation) => relation.columns.filter(({ name }) => name === names[before + 1]));
      if (columns.length > 1) throw new Unsure();
      if (columns.length === 1) return columns[0]!.origins;
    }
    return undefined;
  }

  /** The columns of `*` or `relation.*`. **Errors**: `Unsure`, as for the star of a struct. */
  star(relation: string): FlowColumn[] {
    if (relation === '') {
      const told = new Set<string>();
      return this.relations.flatMap(({ columns }) =>
        columns.flatMap((column) => {
          const merged = column.name === undefined ? undefined : this.#merged.get(column.name);
          if (merged === undefined) return [column];
          if (told.has(column.name!)) return [];
          told.add(column.name!);
          return [{ name: column.name, origins: merged }];
        }),
      );
    }
    const found = this.relations.filter(({ alias }) => alias === relation);
    if (found.length !== 1) throw new Unsure();
    return [...found[0]!.columns];
  }

  /** The origins of all columns called `name`, of those of this FROM alone. */
  columnsCalled(name: string): readonly FlowColumn[] {
    return this.relations.flatMap(({ columns }) => columns.filter((column) => column.name === name));
  }
}
