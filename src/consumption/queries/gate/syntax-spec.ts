/**
 * The part of DuckDB's syntax that a statement may use, node by node and member by member.
 *
 * Invariants
 * - What is not named here is refused: a node kind, a member, a member of another form. A newer engine that says more
 *   is therefore refused, not passed through.
 * **Source**: DuckDB 1.5, src/include/duckdb/storage/serialization/{query_node,tableref,parsed_expression,nodes}.json.
 */

/** The form of a member: how the walk goes on from it. */
export type Member =
  /** A string, number, truth value or null. */
  | 'plain'
  /** Plain values and nothing else, however nested: lists of names, types, constants. */
  | 'data'
  /** Null or an empty list: the construct that would fill it is not allowed. */
  | 'absent'
  | 'expression'
  | 'expressions'
  | 'expressionLists'
  /** `[{ key, value: expression }]` */
  | 'namedExpressions'
  /** `[{ when_expr, then_expr }]` */
  | 'cases'
  /** `[{ type, null_order, expression }]` */
  | 'orders'
  | 'orderModifier'
  | 'modifiers'
  /** A whole SELECT: `{ node, named_param_map }`. */
  | 'statement'
  /** A query node in a scope of its own. */
  | 'query'
  | 'table'
  | 'ctes'
  | 'sample'
  | 'timeTravel'
  | 'pivots';

export type Shape = Readonly<Record<string, Member>>;

const expression = { class: 'plain', type: 'plain', alias: 'plain', query_location: 'plain' } as const;
const table = { type: 'plain', alias: 'plain', sample: 'sample', query_location: 'plain' } as const;
const query = { type: 'plain', modifiers: 'modifiers', cte_map: 'ctes' } as const;

/** Expressions by `class`. */
export const EXPRESSIONS: Readonly<Record<string, Shape>> = {
  BETWEEN: { ...expression, input: 'expression', lower: 'expression', upper: 'expression' },
  CASE: { ...expression, case_checks: 'cases', else_expr: 'expression' },
  CAST: { ...expression, child: 'expression', cast_type: 'data', try_cast: 'plain' },
  COLLATE: { ...expression, child: 'expression', collation: 'plain' },
  COLUMN_REF: { ...expression, column_names: 'data' },
  COMPARISON: { ...expression, left: 'expression', right: 'expression' },
  CONJUNCTION: { ...expression, children: 'expressions' },
  CONSTANT: { ...expression, value: 'data' },
  FUNCTION: {
    ...expression,
    function_name: 'plain',
    schema: 'plain',
    catalog: 'plain',
    children: 'expressions',
    filter: 'expression',
    order_bys: 'orderModifier',
    distinct: 'plain',
    is_operator: 'plain',
    export_state: 'plain',
  },
  LAMBDA: { ...expression, lhs: 'expression', expr: 'expression' },
  OPERATOR: { ...expression, children: 'expressions' },
  POSITIONAL_REFERENCE: { ...expression, index: 'plain' },
  STAR: {
    ...expression,
    relation_name: 'plain',
    exclude_list: 'data',
    replace_list: 'namedExpressions',
    columns: 'plain',
    expr: 'expression',
    qualified_exclude_list: 'data',
    rename_list: 'data',
  },
  SUBQUERY: {
    ...expression,
    subquery_type: 'plain',
    subquery: 'statement',
    child: 'expression',
    comparison_type: 'plain',
  },
  WINDOW: {
    ...expression,
    function_name: 'plain',
    schema: 'plain',
    catalog: 'plain',
    children: 'expressions',
    partitions: 'expressions',
    orders: 'orders',
    start: 'plain',
    end: 'plain',
    start_expr: 'expression',
    end_expr: 'expression',
    offset_expr: 'expression',
    default_expr: 'expression',
    ignore_nulls: 'plain',
    filter_expr: 'expression',
    exclude_clause: 'plain',
    distinct: 'plain',
    arg_orders: 'orders',
  },
};

/** Table references by `type`. */
export const TABLES: Readonly<Record<string, Shape>> = {
  BASE_TABLE: {
    ...table,
    catalog_name: 'plain',
    schema_name: 'plain',
    table_name: 'plain',
    column_name_alias: 'data',
    at_clause: 'timeTravel',
  },
  EMPTY: table,
  EXPRESSION_LIST: { ...table, expected_names: 'data', expected_types: 'data', values: 'expressionLists' },
  JOIN: {
    ...table,
    left: 'table',
    right: 'table',
    condition: 'expression',
    join_type: 'plain',
    ref_type: 'plain',
    using_columns: 'data',
    delim_flipped: 'plain',
    duplicate_eliminated_columns: 'absent',
  },
  PIVOT: {
    ...table,
    source: 'table',
    aggregates: 'expressions',
    unpivot_names: 'data',
    pivots: 'pivots',
    groups: 'data',
    column_name_alias: 'data',
    include_nulls: 'plain',
  },
  SUBQUERY: { ...table, subquery: 'statement', column_name_alias: 'data' },
  TABLE_FUNCTION: { ...table, function: 'expression', column_name_alias: 'data', with_ordinality: 'plain' },
};

/** Query nodes by `type`. */
export const QUERIES: Readonly<Record<string, Shape>> = {
  SELECT_NODE: {
    ...query,
    select_list: 'expressions',
    from_table: 'table',
    where_clause: 'expression',
    group_expressions: 'expressions',
    group_sets: 'data',
    aggregate_handling: 'plain',
    having: 'expression',
    sample: 'sample',
    qualify: 'expression',
  },
  SET_OPERATION_NODE: { ...query, setop_type: 'plain', left: 'query', right: 'query', setop_all: 'plain' },
  RECURSIVE_CTE_NODE: {
    ...query,
    cte_name: 'plain',
    union_all: 'plain',
    left: 'query',
    right: 'query',
    aliases: 'data',
    key_targets: 'absent',
  },
};

/** Result modifiers by `type`. */
export const MODIFIERS: Readonly<Record<string, Shape>> = {
  LIMIT_MODIFIER: { type: 'plain', limit: 'expression', offset: 'expression' },
  LIMIT_PERCENT_MODIFIER: { type: 'plain', limit: 'expression', offset: 'expression' },
  DISTINCT_MODIFIER: { type: 'plain', distinct_on_targets: 'expressions' },
  ORDER_MODIFIER: { type: 'plain', orders: 'orders' },
};

/** Members of the nameless parts. */
export const PARTS = {
  statement: { node: 'query', named_param_map: 'absent' },
  cte: { aliases: 'data', query: 'statement', materialized: 'plain', key_targets: 'absent' },
  case: { when_expr: 'expression', then_expr: 'expression' },
  order: { type: 'plain', null_order: 'plain', expression: 'expression' },
  named: { key: 'plain', value: 'expression' },
  sample: { sample_size: 'data', is_percentage: 'plain', method: 'plain', seed: 'plain' },
  timeTravel: { unit: 'plain', expr: 'expression' },
  pivot: { pivot_expressions: 'expressions', unpivot_names: 'data', entries: 'pivots', pivot_enum: 'plain' },
  pivotEntry: { values: 'data', star_expr: 'expression', alias: 'plain' },
} as const satisfies Record<string, Shape>;
