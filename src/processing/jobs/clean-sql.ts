/**
 * The statements of a cleaning run, in the engine's SQL. Rows never pass through the program: each step leaves a stage
 * (Parquet in the run's work folder) that the next one reads.
 *
 * 1. `stage`    raw objects → typed rows, each with the rules it breaks
 * 2. `conflicts` (only with unique rules) → rows whose values belong to another key
 * 3. `contest`  good rows and the target's rows of the same keys, ranked: rank 1 wins
 * 4. `added` or `merged` → the target's new data; `rejected` → quarantine
 *
 * The order of a contest holds every column, so the winner depends on the rows alone: not on files, not on arrival.
 */
import type { TableName } from '../../governance/contract.ts';
import { type CleanPlan, STAGE_PREFIX } from './clean-plan.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';
import { sqlTable } from './sql-table.ts';

/** Names of inputs and stages in the statements. */
export const RAW = 'loch_raw';
export const STAGED = 'loch_staged';
export const CONFLICTS = 'loch_conflicts';
export const CONTEST = 'loch_contest';

const meta = (name: string) => sqlName(`${STAGE_PREFIX}${name}`);
const OBJECT = meta('object');
const ROW = meta('row');
const FAILED = meta('failed');
const RECORD = meta('record');
const REST = meta('rest');
const FRESH = meta('fresh');
const RANK = meta('rank');
const WINNER_FRESH = meta('winner_fresh');
/** Between rule names in one text; no rule's name holds it. */
const RULE_SEPARATOR = '|';

const names = (plan: CleanPlan, prefix = '') => plan.columns.map((c) => `${prefix}${sqlName(c.name)}`).join(', ');
const keys = (plan: CleanPlan, prefix = '') => plan.key.map((name) => `${prefix}${sqlName(name)}`).join(', ');
const sameKey = (plan: CleanPlan, a: string, b: string) =>
  plan.key.map((name) => `${a}.${sqlName(name)} = ${b}.${sqlName(name)}`).join(' AND ');
const ranking = (plan: CleanPlan) => plan.order.map((name) => `${sqlName(name)} DESC NULLS LAST`).join(', ');

/** Raw objects whose fields are `fields` → typed rows with the rules they break (empty text: none). */
export function stageSql(plan: CleanPlan, fields: readonly string[]): string {
  const place = [`"_object" AS ${OBJECT}`, `"_row" AS ${ROW}`];
  const sources = plan.columns.map((column, i) => `${sourceField(column.from, fields)} AS s${i}`);
  const carried = `${OBJECT}, ${ROW}, "_fault", "_rest", "_record"`;
  const values = plan.columns.map((_, i) => `v${i}`).join(', ');
  const broken = plan.rules.rows.map((rule) => `CASE WHEN ${rule.broken} THEN ${sqlString(rule.name)} END`);
  const failed = `CASE WHEN "_fault" IS NOT NULL THEN "_fault" ELSE concat_ws('${RULE_SEPARATOR}', ${broken.join(', ')}) END`;
  // Only what goes to quarantine needs the record; with unique rules that is known later.
  const kept = plan.rules.unique.length > 0 ? '"_record"' : `CASE WHEN ${FAILED} <> '' THEN "_record" END`;
  return `WITH raw AS (SELECT ${[...sources, ...place].join(', ')}, "_fault", "_rest", "_record" FROM ${RAW}),
    normalized AS (SELECT ${plan.columns.map((column, i) => `${column.normalized} AS n${i}`).join(', ')}, ${carried} FROM raw),
    typed AS (SELECT ${plan.columns.map((column, i) => `n${i}, ${column.cast} AS v${i}`).join(', ')}, ${carried} FROM normalized),
    judged AS (SELECT ${values}, ${OBJECT}, ${ROW}, ${failed} AS ${FAILED}, "_rest", "_record" FROM typed)
    SELECT ${plan.columns.map((column, i) => `v${i} AS ${sqlName(column.name)}`).join(', ')}, ${OBJECT}, ${ROW}, ${FAILED},
      "_rest" AS ${REST}, ${kept} AS ${RECORD} FROM judged`;
}

/** The one row that stands for an object that cannot be read at all. */
export function unreadableSql(plan: CleanPlan, key: string, reason: string): string {
  const values = plan.columns.map((column) => `CAST(NULL AS ${column.kind.duckdb}) AS ${sqlName(column.name)}`);
  return `SELECT ${values.join(', ')}, ${sqlString(key)} AS ${OBJECT}, CAST(0 AS BIGINT) AS ${ROW}, 'unreadable' AS ${FAILED},
    ${sqlString(reason)} AS ${REST}, CAST(NULL AS VARCHAR) AS ${RECORD}`;
}

function sourceField(from: string, fields: readonly string[]): string {
  if (from === '_object') return '"_object"';
  if (from === '_row') return 'CAST("_row" AS VARCHAR)';
  const field = fields.find((f) => f === from) ?? fields.find((f) => f.toLowerCase() === from.toLowerCase());
  return field === undefined ? 'CAST(NULL AS VARCHAR)' : sqlName(field);
}

/** Rows whose unique columns belong to another key: place and rule, one row per broken rule. */
export function conflictsSql(plan: CleanPlan, target: TableName): string {
  const one = plan.rules.unique.map(({ name, columns }) => {
    const cols = columns.map(sqlName);
    const shared = columns.map((column) => `t.${sqlName(column)} = f.${sqlName(column)}`).join(' AND ');
    const own = plan.key
      .map(
        (column) =>
          `${sqlName(column)} IS DISTINCT FROM first_value(${sqlName(column)}) OVER (PARTITION BY ${cols.join(', ')} ORDER BY ${FRESH}, ${ranking(plan)})`,
      )
      .join(' OR ');
    return `SELECT ${OBJECT}, ${ROW}, ${sqlString(name)} AS ${FAILED} FROM (
      SELECT ${OBJECT}, ${ROW}, ${FRESH}, (${own}) AS foreign_key FROM (
        SELECT ${names(plan)}, ${OBJECT}, ${ROW}, 1 AS ${FRESH} FROM ${STAGED} WHERE ${FAILED} = ''
        UNION ALL
        SELECT ${names(plan, 't.')}, NULL, NULL, 0 FROM ${sqlTable(target)} AS t
        WHERE EXISTS (SELECT 1 FROM ${STAGED} AS f WHERE f.${FAILED} = '' AND ${shared})
      ) WHERE ${cols.map((column) => `${column} IS NOT NULL`).join(' AND ')}
    ) WHERE ${FRESH} = 1 AND foreign_key`;
  });
  return one.join('\nUNION ALL\n');
}

const goodRows = (plan: CleanPlan) =>
  plan.rules.unique.length === 0
    ? `SELECT ${names(plan)} FROM ${STAGED} WHERE ${FAILED} = ''`
    : `SELECT ${names(plan, 's.')} FROM ${STAGED} AS s WHERE s.${FAILED} = '' AND NOT EXISTS
        (SELECT 1 FROM ${CONFLICTS} AS c WHERE c.${OBJECT} = s.${OBJECT} AND c.${ROW} = s.${ROW})`;

/** Good rows and the target's rows of their keys, ranked. Of equal rows the target's wins: nothing changes then. */
export function contestSql(plan: CleanPlan, target: TableName): string {
  const window = `(PARTITION BY ${keys(plan)} ORDER BY ${ranking(plan)}, ${FRESH})`;
  return `WITH fresh AS (${goodRows(plan)}),
    entrants AS (SELECT ${names(plan)}, 1 AS ${FRESH} FROM fresh
      UNION ALL
      SELECT ${names(plan, 't.')}, 0 FROM ${sqlTable(target)} AS t
      WHERE EXISTS (SELECT 1 FROM fresh AS f WHERE ${sameKey(plan, 'f', 't')}))
    SELECT ${names(plan)}, ${FRESH}, row_number() OVER ${window} AS ${RANK},
      first_value(${FRESH}) OVER ${window} AS ${WINNER_FRESH} FROM entrants`;
}

/** One row: new winners, rows of the target they displace, rows that lost (the displaced ones among them). */
export function contestCountsSql(): string {
  const won = `${FRESH} = 1 AND ${RANK} = 1`;
  const displaced = `${FRESH} = 0 AND ${WINNER_FRESH} = 1`;
  return `SELECT count(*) FILTER (WHERE ${won}), count(*) FILTER (WHERE ${displaced}),
    count(*) FILTER (WHERE (${FRESH} = 1 AND ${RANK} > 1) OR (${displaced})) FROM ${CONTEST}`;
}

/** The winners that are new, with `more` columns computed from them. */
export function addedSql(plan: CleanPlan, more: readonly string[]): string {
  return `SELECT ${[names(plan), ...more].join(', ')} FROM ${CONTEST} WHERE ${FRESH} = 1 AND ${RANK} = 1`;
}

/** The whole new content of the target, with `more` columns computed from it. */
export function mergedSql(plan: CleanPlan, target: TableName, more: readonly string[]): string {
  return `SELECT ${[names(plan), ...more].join(', ')} FROM (
    SELECT ${names(plan, 't.')} FROM ${sqlTable(target)} AS t
    WHERE NOT EXISTS (SELECT 1 FROM ${CONTEST} AS c WHERE c.${FRESH} = 1 AND c.${RANK} = 1 AND ${sameKey(plan, 'c', 't')})
    UNION ALL
    ${addedSql(plan, [])}) AS merged`;
}

/** What goes to quarantine: where a row came from, the rules it breaks, and the row as it was read. */
export function rejectedSql(plan: CleanPlan, job: string, runId: string): string {
  const columns = (failed: string, prefix: string) =>
    `SELECT ${prefix}${OBJECT} AS o, ${prefix}${ROW} AS r, ${failed} AS f, ${prefix}${RECORD} AS rec, ${prefix}${REST} AS rest`;
  const late =
    plan.rules.unique.length === 0
      ? ''
      : ` UNION ALL ${columns('c.failed', 's.')} FROM ${STAGED} AS s JOIN (
          SELECT ${OBJECT} AS co, ${ROW} AS cr, string_agg(${FAILED}, '${RULE_SEPARATOR}' ORDER BY ${FAILED}) AS failed
          FROM ${CONFLICTS} GROUP BY ${OBJECT}, ${ROW}) AS c ON c.co = s.${OBJECT} AND c.cr = s.${ROW}`;
  return `SELECT ${sqlString(job)} AS job, ${sqlString(runId)} AS run, o AS object, r AS row,
      string_split(f, '${RULE_SEPARATOR}') AS rules, CAST(rec AS JSON) AS record, rest
    FROM (${columns(FAILED, '')} FROM ${STAGED} WHERE ${FAILED} <> ''${late}) ORDER BY o, r`;
}

/** Rule name and number of rows, most first. */
export function rejectedByRuleSql(plan: CleanPlan): string {
  const late = plan.rules.unique.length === 0 ? '' : ` UNION ALL SELECT ${FAILED} FROM ${CONFLICTS}`;
  return `SELECT rule, count(*) AS n FROM (
    SELECT unnest(string_split(f, '${RULE_SEPARATOR}')) AS rule FROM (
      SELECT ${FAILED} AS f FROM ${STAGED} WHERE ${FAILED} <> ''${late})) GROUP BY rule ORDER BY n DESC, rule`;
}
