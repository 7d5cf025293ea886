/** Follows the columns of a statement's tables through WITH, joins, subqueries, set operations and PIVOT to its result. */
import type { SyntaxNode } from '../../../engines/contract.ts';
import {
  type FlowColumn,
  type FlowRelation,
  FlowScope,
  isNode,
  namesOf,
  NO_ORIGINS,
  nodes,
  type Origins,
  Unsure,
  union,
} from './flow-scope.ts';

type Ctes = ReadonlyMap<string, readonly FlowColumn[]>;

/** Steps beyond which a statement is too large to be followed. */
const MOST_STEPS = 100_000;
const ONE_SIDED_JOINS = new Set(['SEMI', 'ANTI']);
const PLAIN_JOINS = new Set(['REGULAR', 'CROSS', 'NATURAL', 'ASOF', 'POSITIONAL', 'DEPENDENT']);
const ROW_JOINS = new Set(['INNER', 'LEFT', 'RIGHT', 'OUTER', 'FULL', ...ONE_SIDED_JOINS]);

/** **Cost**: one walk over the tree, bounded. **Errors**: `Unsure`. */
export class FlowResolver {
  readonly #tables: ReadonlyMap<SyntaxNode, FlowRelation>;
  #steps = 0;

  /** `tables`: every table of the catalog that the statement names, by its node. */
  constructor(tables: ReadonlyMap<SyntaxNode, FlowRelation>) {
    this.#tables = tables;
  }

  #step(): void {
    if (++this.#steps > MOST_STEPS) throw new Unsure();
  }

  /** The columns of a query's result. */
  query(node: SyntaxNode, outerCtes: Ctes = new Map(), outer?: FlowScope): FlowColumn[] {
    this.#step();
    const ctes = this.#ctes(node, outerCtes, outer);
    if (node.type === 'SELECT_NODE') return this.#select(node, ctes, outer);
    if (node.type === 'SET_OPERATION_NODE') {
      const [left, right] = [node.left, node.right].map((side) => this.query(asNode(side), ctes, outer));
      return setOperation(String(node.setop_type), left!, right!);
    }
    throw new Unsure();
  }

  #ctes(node: SyntaxNode, outerCtes: Ctes, outer: FlowScope | undefined): Ctes {
    const entries = isNode(node.cte_map) ? nodes(node.cte_map.map) : [];
    if (entries.length === 0) return outerCtes;
    const ctes = new Map(outerCtes);
    for (const { key, value } of entries) {
      const cte = asNode(value);
      const body = asNode(asNode(cte.query).node);
      const aliases = namesOf(cte.aliases);
      const name = String(key).toLowerCase();
      const columns =
        body.type === 'RECURSIVE_CTE_NODE'
          ? this.#recursive(body, name, aliases, ctes, outer)
          : renamed(this.query(body, ctes, outer), aliases);
      ctes.set(name, columns);
    }
    return ctes;
  }

  /** Origins of a recursive CTE grow with each round until they stay. */
  #recursive(
    node: SyntaxNode,
    name: string,
    aliases: readonly string[],
    outerCtes: Ctes,
    outer: FlowScope | undefined,
  ): FlowColumn[] {
    const ctes = this.#ctes(node, outerCtes, outer);
    let columns = renamed(this.query(asNode(node.left), ctes, outer), aliases);
    for (;;) {
      const next = setOperation(
        'UNION',
        columns,
        this.query(asNode(node.right), new Map([...ctes, [name, columns]]), outer),
      );
      if (next.every(({ origins }, i) => origins.size === columns[i]!.origins.size)) return columns;
      columns = next;
    }
  }

  #select(node: SyntaxNode, ctes: Ctes, outer: FlowScope | undefined): FlowColumn[] {
    const scope = isNode(node.from_table) ? this.#from(node.from_table, ctes, outer) : new FlowScope([], outer);
    const columns: FlowColumn[] = [];
    for (const item of nodes(node.select_list)) {
      if (item.class === 'STAR') {
        columns.push(...this.#star(item, scope, ctes));
        continue;
      }
      const alias = String(item.alias ?? '').toLowerCase();
      const own = item.class === 'COLUMN_REF' ? namesOf(item.column_names).at(-1) : undefined;
      columns.push({
        name: alias === '' ? own : alias,
        // A name that is no column may be that of an item before it.
        origins: this.#expression(
          item,
          new FlowScope([...scope.relations], withAliases(columns, outer), scope.merged),
          ctes,
        ),
      });
    }
    return columns;
  }

  #star(star: SyntaxNode, scope: FlowScope, ctes: Ctes): FlowColumn[] {
    if (star.columns === true || isNode(star.expr)) throw new Unsure();
    const excluded = new Set(namesOf(star.exclude_list));
    const relation = String(star.relation_name ?? '').toLowerCase();
    for (const entry of nodes(star.qualified_exclude_list)) {
      const table = String(entry.table ?? '').toLowerCase();
      if (table !== '' && table !== relation && scope.relations.length > 1) throw new Unsure();
      excluded.add(String(entry.column).toLowerCase());
    }
    const replaced = new Map(
      nodes(star.replace_list).map(({ key, value }) => [
        String(key).toLowerCase(),
        this.#expression(asNode(value), scope, ctes),
      ]),
    );
    const names = new Map(
      nodes(star.rename_list).map(({ key, value }) => [
        String(asNode(key).column).toLowerCase(),
        String(value).toLowerCase(),
      ]),
    );
    return scope.star(relation).flatMap(({ name, origins }): FlowColumn[] => {
      if (name === undefined) return [{ name, origins }];
      if (excluded.has(name)) return [];
      return [{ name: names.get(name) ?? name, origins: replaced.get(name) ?? origins }];
    });
  }

  #from(node: SyntaxNode, ctes: Ctes, outer: FlowScope | undefined): FlowScope {
    this.#step();
    const alias = String(node.alias ?? '').toLowerCase() || undefined;
    const aliases = namesOf(node.column_name_alias);
    const one = (columns: readonly FlowColumn[], name = alias, schema?: string) =>
      new FlowScope([{ alias: name, schema, columns: renamed(columns, aliases) }], outer);
    switch (node.type) {
      case 'EMPTY':
        return new FlowScope([], outer);
      case 'BASE_TABLE': {
        const table = this.#tables.get(node);
        const name = String(node.table_name).toLowerCase();
        if (table !== undefined) return one(table.columns, alias ?? name, table.schema);
        const cte = node.schema_name === '' ? ctes.get(name) : undefined;
        if (cte === undefined) throw new Unsure();
        return one(cte, alias ?? name);
      }
      case 'SUBQUERY':
        return one(this.query(asNode(asNode(node.subquery).node), ctes, outer));
      case 'EXPRESSION_LIST': {
        const rows = Array.isArray(node.values) ? node.values.map(nodes) : [];
        const scope = new FlowScope([], outer);
        return one(
          (rows[0] ?? []).map((_, i) => ({
            name: namesOf(node.expected_names)[i] ?? `col${i}`,
            origins: union(rows.map((row) => this.#expression(row[i]!, scope, ctes))),
          })),
        );
      }
      case 'TABLE_FUNCTION': {
        const call = asNode(node.function);
        const scope = new FlowScope([], outer);
        const origins = union(nodes(call.children).map((child) => this.#expression(child, scope, ctes)));
        const columns: FlowColumn[] = [{ name: String(call.function_name).toLowerCase(), origins }];
        if (node.with_ordinality === 'WITH_ORDINALITY') columns.push({ name: 'ordinality', origins: NO_ORIGINS });
        return one(columns);
      }
      case 'JOIN':
        return this.#join(node, ctes, outer);
      case 'PIVOT':
        return one(this.#pivot(node, ctes, outer));
      default:
        throw new Unsure();
    }
  }

  #join(node: SyntaxNode, ctes: Ctes, outer: FlowScope | undefined): FlowScope {
    const kind = String(node.join_type);
    if (!PLAIN_JOINS.has(String(node.ref_type)) || !ROW_JOINS.has(kind)) throw new Unsure();
    const left = this.#from(asNode(node.left), ctes, outer);
    // What stands to the right may speak of what stands to the left.
    const right = this.#from(asNode(node.right), ctes, new FlowScope(left.relations, outer, left.merged));
    if (ONE_SIDED_JOINS.has(kind)) return left;
    const shared = node.ref_type === 'NATURAL' ? commonNames(left, right) : namesOf(node.using_columns);
    const merged = new Map([...left.merged, ...right.merged]);
    for (const name of shared) {
      const [a, b] = [left, right].map((side) => side.merged.get(name) ?? side.columnsCalled(name)[0]?.origins);
      if (a === undefined || b === undefined) throw new Unsure();
      merged.set(name, kind === 'RIGHT' ? b : kind === 'INNER' || kind === 'LEFT' ? a : union([a, b]));
    }
    return new FlowScope([...left.relations, ...right.relations], outer, merged);
  }

  /** PIVOT: groups stay, each pivoted column is made of its aggregate and of what it is pivoted on. UNPIVOT: the reverse. */
  #pivot(node: SyntaxNode, ctes: Ctes, outer: FlowScope | undefined): FlowColumn[] {
    const source = this.#from(asNode(node.source), ctes, outer);
    const columns = source.star('');
    const pivots = nodes(node.pivots);
    const values = namesOf(node.unpivot_names);
    if (values.length > 0) return unpivoted(columns, pivots, values);
    const aggregates = nodes(node.aggregates).map((aggregate) => ({
      alias: String(aggregate.alias ?? '').toLowerCase(),
      names: namesIn(aggregate),
      origins: this.#expression(aggregate, source, ctes),
    }));
    const used = new Set(aggregates.flatMap(({ names }) => names));
    let made: FlowColumn[] = [{ name: '', origins: NO_ORIGINS }];
    for (const pivot of pivots) {
      const expressions = nodes(pivot.pivot_expressions);
      for (const name of expressions.flatMap(namesIn)) used.add(name);
      const on = union(expressions.map((expression) => this.#expression(expression, source, ctes)));
      const entries = nodes(pivot.entries);
      if (entries.length === 0 || entries.some((entry) => isNode(entry.star_expr))) throw new Unsure();
      const labels = entries.map(labelOf);
      made = made.flatMap(({ name, origins }) =>
        labels.map((label) => ({ name: name === '' ? label : `${name}_${label}`, origins: union([origins, on]) })),
      );
    }
    const bare = aggregates.length === 1 && aggregates[0]!.alias === '';
    const pivoted = made.flatMap(({ name, origins }) =>
      aggregates.map((aggregate) => ({
        // How the engine names an aggregate without an alias beside another one is not told here.
        name: bare ? name : aggregate.alias === '' ? undefined : `${name}_${aggregate.alias}`,
        origins: union([origins, aggregate.origins]),
      })),
    );
    const groups = namesOf(node.groups);
    const kept =
      groups.length > 0
        ? groups.map((name) => columns.find((column) => column.name === name) ?? unsure())
        : columns.filter(({ name }) => name === undefined || !used.has(name));
    return [...kept, ...pivoted];
  }

  /** What an expression is made of: every column that stands in it. */
  #expression(node: SyntaxNode, scope: FlowScope, ctes: Ctes, bound: ReadonlySet<string> = new Set()): Origins {
    this.#step();
    switch (node.class) {
      case 'COLUMN_REF': {
        const names = namesOf(node.column_names);
        if (bound.has(names[0]!)) return NO_ORIGINS;
        return scope.find(names) ?? unsure();
      }
      case 'CONSTANT':
        return NO_ORIGINS;
      case 'STAR':
      case 'POSITIONAL_REFERENCE':
        return unsure();
      case 'LAMBDA': {
        const parameters = isNode(node.lhs) ? namesIn(node.lhs) : [];
        return this.#expression(asNode(node.expr), scope, ctes, new Set([...bound, ...parameters]));
      }
      case 'SUBQUERY': {
        if (bound.size > 0) return unsure();
        const inner = this.query(asNode(asNode(node.subquery).node), ctes, scope);
        const child = isNode(node.child) ? this.#expression(node.child, scope, ctes) : NO_ORIGINS;
        // EXISTS tells that there are rows, of no column.
        const values = String(node.subquery_type).includes('EXISTS') ? [] : inner.map(({ origins }) => origins);
        return union([child, ...values]);
      }
      default:
        return union(this.#children(node).map((child) => this.#expression(child, scope, ctes, bound)));
    }
  }

  /** Expressions inside an expression, whatever member they stand in. */
  #children(value: unknown): SyntaxNode[] {
    if (Array.isArray(value)) return value.flatMap((item) => this.#inner(item));
    return isNode(value) ? Object.values(value).flatMap((member) => this.#inner(member)) : [];
  }

  #inner(value: unknown): SyntaxNode[] {
    this.#step();
    if (isNode(value) && typeof value.class === 'string') return [value];
    return value !== null && typeof value === 'object' ? this.#children(value) : [];
  }
}

const unsure = (): never => {
  throw new Unsure();
};

function asNode(value: unknown): SyntaxNode {
  return isNode(value) ? value : unsure();
}

/** Names of a select list as a scope behind the tables: a column wins over an alias of the same name. */
function withAliases(columns: readonly FlowColumn[], outer: FlowScope | undefined): FlowScope {
  return new FlowScope([{ alias: undefined, schema: undefined, columns: lastOfEach(columns) }], outer);
}

function lastOfEach(columns: readonly FlowColumn[]): FlowColumn[] {
  return [...new Map(columns.map((column) => [column.name, column])).values()];
}

/** The first columns under other names. */
function renamed(columns: readonly FlowColumn[], names: readonly string[]): FlowColumn[] {
  if (names.length > columns.length) throw new Unsure();
  return columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }));
}

function setOperation(kind: string, left: readonly FlowColumn[], right: readonly FlowColumn[]): FlowColumn[] {
  if (kind === 'UNION_BY_NAME') {
    if ([...left, ...right].some(({ name }) => name === undefined)) throw new Unsure();
    const names = [...new Set([...left, ...right].map(({ name }) => name))];
    const of = (side: readonly FlowColumn[], name: string | undefined) => side.filter((column) => column.name === name);
    return names.map((name) => ({
      name,
      origins: union([...of(left, name), ...of(right, name)].map((c) => c.origins)),
    }));
  }
  if (left.length !== right.length) throw new Unsure();
  if (kind === 'EXCEPT') return [...left];
  if (kind !== 'UNION' && kind !== 'INTERSECT') throw new Unsure();
  return left.map(({ name, origins }, i) => ({ name, origins: union([origins, right[i]!.origins]) }));
}

function commonNames(left: FlowScope, right: FlowScope): string[] {
  const names = new Set(right.star('').map(({ name }) => name));
  return left.star('').flatMap(({ name }) => (name !== undefined && names.has(name) ? [name] : []));
}

function unpivoted(
  columns: readonly FlowColumn[],
  pivots: readonly SyntaxNode[],
  values: readonly string[],
): FlowColumn[] {
  const [pivot, ...others] = pivots;
  if (pivot === undefined || others.length > 0) throw new Unsure();
  const entries = nodes(pivot.entries);
  if (entries.some((entry) => isNode(entry.star_expr))) throw new Unsure();
  const taken = entries.map((entry) => nodes(entry.values).map(({ value }) => String(value).toLowerCase()));
  const used = new Set(taken.flat());
  const origins = (i: number) =>
    union(taken.map((names) => columns.find(({ name }) => name === names[i])?.origins ?? unsure()));
  return [
    ...columns.filter(({ name }) => name === undefined || !used.has(name)),
    ...namesOf(pivot.unpivot_names).map((name) => ({ name, origins: NO_ORIGINS })),
    ...values.map((name, i) => ({ name, origins: origins(i) })),
  ];
}

/** What the engine calls the column of a pivot's value. */
function labelOf(entry: SyntaxNode): string {
  const alias = String(entry.alias ?? '');
  const values = nodes(entry.values).map(({ value }) => String(value));
  return (alias === '' ? values.join('_') : alias).toLowerCase();
}

/** Bare names of the columns that an expression names. */
function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isNode(value)) return [];
  if (value.class === 'COLUMN_REF') return namesOf(value.column_names).slice(-1);
  return Object.values(value).flatMap(namesIn);
}
