import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { CleanColumn, JobDefinition, QualityRule } from '../contract.ts';
import { type CompiledRules, compileRules } from '../quality/compile-rules.ts';
import type { RuleColumn } from '../quality/rule.ts';
import { assertFormats, castSql, NORMALIZATION_NAMES, normalizedSql } from './column-sql.ts';
import { type ColumnKind, parseColumnKind } from './column-type.ts';

export type CleanDefinition = Extract<JobDefinition, { kind: 'clean' }>;

/** A column of the target with its way there. Step names are those of the stage statement. */
export interface CleanPlanColumn {
  readonly name: string;
  /** The field of the source it is made from; `_object` and `_row` are the row's own place. */
  readonly from: string;
  readonly kind: ColumnKind;
  /** SQL over the raw text `s<i>`. */
  readonly normalized: string;
  /** SQL over the normalized text `n<i>`. */
  readonly cast: string;
}

/** A cleaning job, checked and ready for SQL. */
export interface CleanPlan {
  readonly columns: readonly CleanPlanColumn[];
  readonly key: readonly string[];
  /** Columns that decide between two rows of a key, greatest first; every column is among them. */
  readonly order: readonly string[];
  readonly rules: CompiledRules;
}

/** Prefix of the columns that stages add; no target column may begin with it. */
export const STAGE_PREFIX = '_loch_';
const COLUMN_NAME = /^[a-z_][a-z0-9_]{0,127}$/;

/**
 * The plan of a cleaning job. Beside its own rules every key column must be complete and every text must fit its
 * column's type: a value is rejected with its row, never lost or changed in silence.
 * **Errors**: `invalid_argument` naming the field.
 */
export function compileClean(definition: CleanDefinition): CleanPlan {
  if (definition.columns.length === 0) throw new LochError('invalid_argument', 'A cleaning job needs `columns`.');
  const columns = definition.columns.map(planColumn);
  assertDistinct(columns.map((column) => column.name));
  const known = (field: string, names: readonly string[]) => assertKnown(field, names, columns);
  if (definition.key.length === 0) throw new LochError('invalid_argument', 'A cleaning job needs a `key`.');
  known('key', definition.key);
  known('eventTime', [definition.eventTime]);
  known('sourcePosition', definition.sourcePosition ?? []);
  for (const { column } of definition.partition ?? []) known('partition', [column]);
  const decisive = [definition.eventTime, ...(definition.sourcePosition ?? [])];
  const rest = columns.map((column) => column.name).filter((name) => !decisive.includes(name));
  return {
    columns,
    key: definition.key,
    order: [...decisive, ...rest],
    rules: compileRules(allRules(definition, columns), {
      column: (rule, name) => ruleColumn(rule, name, definition, columns),
    }),
  };
}

function planColumn(column: CleanColumn, index: number): CleanPlanColumn {
  const where = `Column \`${column.name}\``;
  if (!COLUMN_NAME.test(column.name) || column.name.startsWith(STAGE_PREFIX)) {
    throw new LochError(
      'invalid_argument',
      `${where}: a column name is lower-case letters, digits and \`_\`, and does not begin with \`${STAGE_PREFIX}\` or a digit.`,
    );
  }
  const kind = parseColumnKind(column.type, where);
  assertFormats(column, kind);
  for (const step of column.normalize ?? []) {
    if (NORMALIZATION_NAMES.includes(step)) continue;
    throw new LochError(
      'invalid_argument',
      `${where}: unknown normalization \`${step}\`. Known: ${NORMALIZATION_NAMES.join(', ')}.`,
    );
  }
  return {
    name: column.name,
    from: column.from ?? column.name,
    kind,
    normalized: normalizedSql(`s${index}`, column, kind),
    cast: castSql(`n${index}`, kind, column.formats),
  };
}

function assertDistinct(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new LochError('invalid_argument', `Column \`${twice}\` is defined twice.`);
}

function assertKnown(field: string, names: readonly string[], columns: readonly CleanPlanColumn[]): void {
  for (const name of names) {
    if (columns.some((column) => column.name === name)) continue;
    throw unknownColumn(`\`${field}\``, name, columns);
  }
}

function unknownColumn(where: string, name: string, columns: readonly CleanPlanColumn[]): LochError {
  const all = columns.map((column) => column.name);
  const near = nearestNames(name, all);
  return new LochError(
    'invalid_argument',
    `${where} names \`${name}\`, which is no column of the job. ${near.length > 0 ? `Did you mean ${near.join(', ')}?` : `Columns: ${all.join(', ')}.`}`,
    { context: { column: name } },
  );
}

function allRules(definition: CleanDefinition, columns: readonly CleanPlanColumn[]): QualityRule[] {
  const given = definition.rules;
  const isComplete = (column: string) => given.some((r) => r.rule === 'complete' && r.column === column);
  const isTyped = ({ name, kind }: CleanPlanColumn) =>
    given.some(
      (r) => r.rule === 'type' && r.column === name && parseColumnKind(r.type, 'Rule type').hive === kind.hive,
    );
  return [
    ...definition.key.filter((column) => !isComplete(column)).map((column) => ({ rule: 'complete' as const, column })),
    ...columns
      .filter((column) => column.kind.kind !== 'string' && !isTyped(column))
      .map(({ name, kind }) => ({ rule: 'type' as const, column: name, type: kind.hive })),
    ...given,
  ];
}

function ruleColumn(
  rule: string,
  name: string,
  definition: CleanDefinition,
  columns: readonly CleanPlanColumn[],
): RuleColumn {
  const index = columns.findIndex((column) => column.name === name);
  if (index < 0) throw unknownColumn(`Rule ${rule}`, name, columns);
  return {
    name,
    kind: columns[index]!.kind,
    value: `v${index}`,
    text: `n${index}`,
    formats: definition.columns[index]!.formats ?? [],
  };
}
