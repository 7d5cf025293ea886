import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { JobDefinition } from '../contract.ts';
import { compileClean } from './clean-plan.ts';

const JOB_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/;
const CATALOG_NAME = /^[a-z0-9_][a-z0-9_-]{0,254}$/;
const MAX_SQL = 256 * 1024;
const MAX_RETRIES = 10;

const refuse = (message: string) => new LochError('invalid_argument', message);

/** Checks all of a definition that can be checked without running it. **Errors**: `invalid_argument` naming the field. */
export function assertJobDefinition(definition: JobDefinition): void {
  assertName('job', definition.name);
  assertTarget(definition.target);
  const retries = definition.maxRetries ?? 0;
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    throw refuse(`\`maxRetries\` is ${retries}. Give a whole number from 0 to ${MAX_RETRIES}.`);
  }
  if (definition.kind === 'sql') {
    assertSql(definition);
    return;
  }
  if (definition.kind !== 'clean')
    throw refuse(`Unknown kind of job \`${(definition as { kind: string }).kind}\`. Known: clean, sql.`);
  const { source, quarantine } = definition;
  if (!['csv', 'json', 'parquet'].includes(source.format)) {
    throw refuse(`Unknown \`source.format\` \`${source.format}\`. Known: csv, json, parquet.`);
  }
  if (source.format === 'csv' && source.options?.header === 'false' && !source.options.fields) {
    throw refuse('Without a header `source.options.fields` names the fields, separated by commas.');
  }
  if (source.bucket === '') throw refuse('`source.bucket` is empty.');
  if (quarantine.bucket === '') throw refuse('`quarantine.bucket` is empty. Rejected rows must have a place.');
  if (quarantine.prefix !== '' && !quarantine.prefix.endsWith('/')) {
    throw refuse(`\`quarantine.prefix\` \`${quarantine.prefix}\` must end with \`/\`.`);
  }
  compileClean(definition);
}

function assertSql(definition: Extract<JobDefinition, { kind: 'sql' }>): void {
  if (definition.sql.trim() === '') throw refuse('`sql` is empty. Give one SELECT statement.');
  if (definition.sql.length > MAX_SQL) throw refuse(`\`sql\` is longer than ${MAX_SQL} characters.`);
  if (definition.dialect !== 'athena' && definition.dialect !== 'duckdb') {
    throw refuse(`Unknown \`dialect\` \`${String(definition.dialect)}\`. Known: athena, duckdb.`);
  }
  if (definition.mode !== 'overwrite' && definition.mode !== 'append') {
    throw refuse(`Unknown \`mode\` \`${String(definition.mode)}\`. Known: overwrite, append.`);
  }
}

function assertTarget(target: TableName): void {
  for (const [field, name] of [
    ['database', target.database],
    ['table', target.table],
  ] as const) {
    if (CATALOG_NAME.test(name)) continue;
    throw refuse(`\`target.${field}\` \`${name}\` is no catalog name: lower-case letters, digits, \`_\` and \`-\`.`);
  }
}

/** **Errors**: `invalid_argument`. */
export function assertName(what: string, name: string): void {
  if (JOB_NAME.test(name)) return;
  throw refuse(`The ${what} name \`${name}\` is not allowed: letters, digits, \`_\`, \`-\` and \`.\`, at most 255.`);
}
