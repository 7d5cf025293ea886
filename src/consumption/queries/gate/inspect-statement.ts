/**
 * The gate: walks the engine's own syntax tree of a caller's statement, refuses what is not allowed, and says which
 * tables, columns and functions are named.
 *
 * Invariants
 * - Scopes are those of SQL: a CTE is in scope in the CTEs after it and in the body, in its own body only when it is
 *   recursive. Everything else that stands in FROM as a name is a table of the catalog.
 * - After binding every table of the catalog is replaced; a name that is left is a CTE. Names of the engine's own
 *   system views cannot be taken for a CTE, so that no difference in scoping could reach one.
 */
import { LochError } from '../../../core/errors.ts';
import { nearestNames } from '../../../core/suggest.ts';
import type { SyntaxNode } from '../../../engines/contract.ts';
import { ALLOWED_FUNCTIONS, ALLOWED_TABLE_FUNCTIONS, MAX_GENERATED_ROWS } from './functions.ts';
import { EXPRESSIONS, type Member, MODIFIERS, PARTS, QUERIES, type Shape, TABLES } from './syntax-spec.ts';

/** Levels of nesting beyond which a statement is refused. */
const MAX_DEPTH = 1_000;

/** A table of the catalog as the statement names it. */
export interface TableUse {
  readonly node: SyntaxNode;
  /** As written; undefined when the statement leaves it to the session. */
  readonly database: string | undefined;
  readonly table: string;
  /** The name it is known by in its SELECT. */
  readonly alias: string;
  readonly position: number | undefined;
  /** The SELECT in whose FROM it stands. */
  readonly select: SyntaxNode | undefined;
  readonly timeTravel: SyntaxNode | undefined;
}

export interface ColumnUse {
  readonly node: SyntaxNode;
  readonly names: readonly string[];
}

/** What a statement names. */
export interface Inspection {
  readonly tables: readonly TableUse[];
  readonly columns: readonly ColumnUse[];
  /** Stars and COLUMNS(…): the alias they are limited to, or undefined for all. */
  readonly stars: readonly (string | undefined)[];
  readonly cteNames: readonly string[];
  /** Columns of USING. */
  readonly joinColumns: readonly string[];
  readonly naturalJoins: boolean;
}

const CATALOGS = new Set(['', 'awsdatacatalog', 'loch']);
const SYSTEM_NAME = /^(duckdb_|pg_|pragma_|sqlite_|information_schema)/;

/** Refuses what a caller may not do; names what he does. **Errors**: `statement_refused` with `context.position`. */
export function inspectStatement(statement: SyntaxNode): Inspection {
  const walk = new Walk();
  walk.part('statement', statement, NO_SCOPE);
  return walk;
}

type Scope = ReadonlySet<string>;
const NO_SCOPE: Scope = new Set();

interface Place {
  readonly scope: Scope;
  readonly select: SyntaxNode | undefined;
}

class Walk implements Inspection {
  readonly tables: TableUse[] = [];
  readonly columns: ColumnUse[] = [];
  readonly stars: (string | undefined)[] = [];
  readonly cteNames: string[] = [];
  readonly joinColumns: string[] = [];
  naturalJoins = false;
  #depth = 0;

  part(name: keyof typeof PARTS, value: unknown, scope: Scope, select?: SyntaxNode): void {
    this.#members(PARTS[name], asNode(value), { scope, select });
  }

  #members(shape: Shape, node: SyntaxNode, place: Place): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new LochError('statement_refused', `The statement is nested deeper than ${MAX_DEPTH} levels.`, {
        context: { limit: MAX_DEPTH },
      });
    }
    for (const [key, value] of Object.entries(node)) {
      const member = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (member === undefined) throw refused(`\`${key}\` of ${kindOf(node)} is not supported`, node);
      this.#member(member, value, place, node);
    }
    this.#depth--;
  }

  #member(member: Member, value: unknown, place: Place, owner: SyntaxNode): void {
    switch (member) {
      case 'plain':
        if (!isPlain(value)) throw refused(`a form of ${kindOf(owner)} is not supported`, owner);
        return;
      case 'data':
        assertData(value, owner);
        return;
      case 'absent':
        if (value !== null && !(Array.isArray(value) && value.length === 0)) {
          throw refused(`a form of ${kindOf(owner)} is not supported`, owner);
        }
        return;
      case 'query':
        this.#query(asNode(value), place.scope);
        return;
      case 'statement':
        this.part('statement', value, place.scope);
        return;
      case 'table':
        this.#table(asNode(value), place);
        return;
      case 'expression':
        if (value !== null) this.#expression(asNode(value), place);
        return;
      case 'expressions':
        for (const item of asList(value)) this.#expression(asNode(item), place);
        return;
      case 'expressionLists':
        for (const row of asList(value)) for (const item of asList(row)) this.#expression(asNode(item), place);
        return;
      case 'namedExpressions':
        for (const item of asList(value)) this.part('named', item, place.scope, place.select);
        return;
      case 'cases':
        for (const item of asList(value)) this.part('case', item, place.scope, place.select);
        return;
      case 'orders':
        for (const item of asList(value)) this.part('order', item, place.scope, place.select);
        return;
      case 'orderModifier':
        if (value !== null) this.#members(MODIFIERS.ORDER_MODIFIER!, asNode(value), place);
        return;
      case 'modifiers':
        for (const item of asList(value)) this.#modifier(asNode(item), place);
        return;
      case 'sample':
        if (value !== null) this.part('sample', value, place.scope, place.select);
        return;
      case 'timeTravel':
        if (value !== null) this.part('timeTravel', value, place.scope, place.select);
        return;
      case 'pivots':
        for (const item of asList(value)) {
          const node = asNode(item);
          const kind = 'pivot_expressions' in node ? 'pivot' : 'pivotEntry';
          if (kind === 'pivot' && node.pivot_enum !== '') throw refused('PIVOT on a type', owner);
          this.part(kind, item, place.scope, place.select);
        }
        return;
      case 'ctes':
        throw new LochError('internal', 'CTEs are walked by their query.');
    }
  }

  #modifier(node: SyntaxNode, place: Place): void {
    const shape = MODIFIERS[String(node.type)];
    if (shape === undefined) throw refused(`${kindOf(node)} is not supported`, node);
    this.#members(shape, node, place);
  }

  #query(node: SyntaxNode, outer: Scope): void {
    const shape = QUERIES[String(node.type)];
    if (shape === undefined) throw refused(`${kindOf(node)} is not supported`, node);
    const { cte_map: ctes, ...rest } = node;
    const scope = this.#ctes(ctes, outer);
    const select = node.type === 'SELECT_NODE' ? node : undefined;
    this.#members(shape, rest as SyntaxNode, { scope, select });
  }

  /** The scope that the CTEs of a query add to: each sees those before it, and itself when it is recursive. */
  #ctes(map: unknown, outer: Scope): Scope {
    const scope = new Set(outer);
    for (const entry of asList(asNode(map ?? { map: [] }).map)) {
      const { key, value, ...rest } = asNode(entry);
      if (Object.keys(rest).length > 0) throw refused('this form of WITH is not supported', asNode(value));
      const name = fold(String(key));
      if (SYSTEM_NAME.test(name)) throw refused(`a CTE may not be called \`${String(key)}\``, asNode(value));
      this.cteNames.push(String(key));
      const body = asNode(asNode(asNode(value).query).node);
      const recursive = body.type === 'RECURSIVE_CTE_NODE';
      if (recursive && fold(String(body.cte_name)) !== name) throw refused('this form of WITH RECURSIVE', body);
      this.part('cte', value, recursive ? new Set([...scope, name]) : new Set(scope));
      scope.add(name);
    }
    return scope;
  }

  #table(node: SyntaxNode, place: Place): void {
    const shape = TABLES[String(node.type)];
    if (shape === undefined) {
      const what = node.type === 'SHOW_REF' ? 'DESCRIBE, SHOW and SUMMARIZE inside a query' : kindOf(node);
      throw refused(`${what} is not supported`, node);
    }
    if (node.type === 'BASE_TABLE') this.#baseTable(node, place);
    if (node.type === 'JOIN') {
      this.joinColumns.push(...asList(node.using_columns).map(String));
      if (node.ref_type === 'NATURAL') this.naturalJoins = true;
    }
    if (node.type === 'TABLE_FUNCTION') this.#tableFunction(asNode(node.function), place, shape, node);
    else this.#members(shape, node, place);
  }

  #baseTable(node: SyntaxNode, { scope, select }: Place): void {
    const catalog = fold(String(node.catalog_name));
    const schema = String(node.schema_name);
    const table = String(node.table_name);
    if (schema === '' && catalog === '' && scope.has(fold(table))) {
      if (node.at_clause !== null) throw refused(`\`${table}\` is a CTE and has no history`, node);
      return;
    }
    if (!CATALOGS.has(catalog)) {
      throw refused(`the catalog \`${String(node.catalog_name)}\` does not exist; known: AwsDataCatalog`, node);
    }
    this.tables.push({
      node,
      database: schema === '' ? undefined : schema,
      table,
      alias: String(node.alias) || table,
      position: positionOf(node),
      select,
      timeTravel: node.at_clause === null ? undefined : asNode(node.at_clause),
    });
  }

  #tableFunction(call: SyntaxNode, place: Place, shape: Shape, owner: SyntaxNode): void {
    const name = fold(String(call.function_name));
    if (call.class !== 'FUNCTION' || call.schema !== '' || call.catalog !== '' || !ALLOWED_TABLE_FUNCTIONS.has(name)) {
      throw refused(
        `the table function \`${String(call.function_name)}\` is not allowed; allowed: ${[...ALLOWED_TABLE_FUNCTIONS].join(', ')}`,
        call,
        { function: String(call.function_name) },
      );
    }
    if (name !== 'unnest') assertBounded(call);
    this.#members(shape, owner, place);
  }

  #expression(node: SyntaxNode, place: Place): void {
    const kind = String(node.class);
    const shape = Object.hasOwn(EXPRESSIONS, kind) ? EXPRESSIONS[kind] : undefined;
    if (shape === undefined) throw refused(`${kindOf(node)} is not supported here`, node);
    if (kind === 'FUNCTION' || kind === 'WINDOW') assertFunction(node);
    else if (kind === 'COLUMN_REF') this.columns.push({ node, names: asList(node.column_names).map(String) });
    else if (kind === 'STAR') this.stars.push(node.relation_name === '' ? undefined : String(node.relation_name));
    this.#members(shape, node, place);
  }
}

function assertFunction(node: SyntaxNode): void {
  const name = fold(String(node.function_name));
  // The parser itself writes `main` for what has a syntax of its own: trim, extract, AT TIME ZONE, lists.
  const own = node.catalog === '' && (node.schema === '' || node.schema === 'main');
  if (ALLOWED_FUNCTIONS.has(name) && own && node.export_state !== true) return;
  const near = nearestNames(name, ALLOWED_FUNCTIONS);
  const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
  throw new LochError('statement_refused', `The function \`${String(node.function_name)}\` is not allowed.${hint}`, {
    context: { function: String(node.function_name), ...placeOf(node) },
  });
}

/** `range` in FROM takes whole numbers written out, so that its rows can be counted before they are made. */
function assertBounded(call: SyntaxNode): void {
  const numbers = asList(call.children).map((child) => integerOf(asNode(child)));
  const [first, second, step = 1] = numbers;
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const rows = numbers.includes(undefined) ? Number.NaN : Math.abs((Number(to) - Number(from)) / Number(step));
  if (!(rows <= MAX_GENERATED_ROWS)) {
    throw refused(
      `\`${String(call.function_name)}\` in FROM takes whole numbers and makes at most ${MAX_GENERATED_ROWS} rows`,
      call,
    );
  }
}

function integerOf(node: SyntaxNode): number | undefined {
  if (node.class === 'FUNCTION' && node.function_name === '-' && asList(node.children).length === 1) {
    const inner = integerOf(asNode(asList(node.children)[0]));
    return inner === undefined ? undefined : -inner;
  }
  if (node.class !== 'CONSTANT') return undefined;
  const { value } = asNode(node.value);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

const fold = (name: string) => name.toLowerCase();
const isPlain = (value: unknown) => value === null || typeof value !== 'object' || isRawNumber(value);
const isRawNumber = (value: unknown) => (JSON as unknown as { isRawJSON(v: unknown): boolean }).isRawJSON(value);

function asNode(value: unknown): SyntaxNode {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LochError('statement_refused', 'The statement has a form that is not supported.');
  }
  return value as SyntaxNode;
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new LochError('statement_refused', 'The statement has a form that is not supported.');
  }
  return value;
}

/** Constants, types and names hold no expressions and no queries. */
function assertData(value: unknown, owner: SyntaxNode): void {
  if (isPlain(value)) return;
  if (Array.isArray(value)) {
    for (const item of value) assertData(item, owner);
    return;
  }
  for (const [key, item] of Object.entries(value as object)) {
    if (key === 'class' || key === 'node' || key === 'query' || key === 'function_name') {
      throw refused(`a form of ${kindOf(owner)} is not supported`, owner);
    }
    assertData(item, owner);
  }
}

/** Where a node stands in the statement, in bytes; undefined when the engine does not say. */
export function positionOf(node: SyntaxNode): number | undefined {
  return typeof node.query_location === 'number' ? node.query_location : undefined;
}

function placeOf(node: SyntaxNode): { readonly position?: number } {
  const position = positionOf(node);
  return position === undefined ? {} : { position };
}

function kindOf(node: SyntaxNode): string {
  return String(node.class ?? node.type ?? 'the statement')
    .replaceAll('_', ' ')
    .toLowerCase();
}

function refused(what: string, node: SyntaxNode, more: Readonly<Record<string, string>> = {}): LochError {
  return new LochError('statement_refused', `The statement is refused: ${what}.`, {
    context: { ...more, ...placeOf(node) },
  });
}
