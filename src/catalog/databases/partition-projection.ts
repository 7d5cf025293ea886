/**
 * Partition projection: the partitions of a table computed from its properties instead of listed.
 *
 * Invariants
 * - Every key has a kind; a property that is missing or cannot be read is an error of the query, never "no partitions".
 * - Values are narrowed by the statement's predicates key by key before they are combined.
 *
 * **Source**: Amazon Athena user guide, "Use partition projection", "Supported types for partition projection".
 */
import { LochError } from '../../core/errors.ts';
import type { ScanPredicate } from '../../storage/contract.ts';
import type { CatalogColumn, PartitionRecord, TableRecord } from '../contract.ts';
import { dateFormat } from './date-format.ts';
import { folderOf } from './rows.ts';

/** So many partitions one statement may be projected to; more asks for a narrower filter. */
const MOST_PARTITIONS = 100_000;
const MOST_VALUES = 1_000_000;

export const isProjected = (record: TableRecord): boolean =>
  record.partitionKeys.length > 0 && record.parameters['projection.enabled']?.toLowerCase() === 'true';

/** Whether a value of the key at `position` may be asked for. */
export type ValueTest = (position: number, value: string) => boolean;

/** The partitions that `test` leaves. **Errors**: `invalid_argument` naming the property; `limit_exceeded`. */
export function projectPartitions(
  record: TableRecord,
  predicates: readonly ScanPredicate[],
  now: number,
  test: ValueTest,
): { readonly kept: readonly PartitionRecord[]; readonly total: number } {
  const choices = record.partitionKeys.map((key, position) => {
    const all = valuesOf(record, key, predicates, now);
    return { all: all.length, values: all.filter((value) => test(position, value)) };
  });
  const total = choices.reduce((product, { all }) => product * all, 1);
  const count = choices.reduce((product, { values }) => product * values.length, 1);
  if (count > MOST_PARTITIONS) {
    throw new LochError(
      'limit_exceeded',
      `Partition projection of \`${record.database}.${record.name}\` gives ${count} partitions; a statement may read ${MOST_PARTITIONS}. Filter by ${record.partitionKeys.map((key) => `\`${key.name}\``).join(', ')}.`,
      { context: { table: record.name, partitions: count } },
    );
  }
  const place = placeOf(record);
  let combined: string[][] = [[]];
  for (const { values } of choices) combined = combined.flatMap((tuple) => values.map((value) => [...tuple, value]));
  return {
    kept: combined.map((values) => ({ values, location: place(values), parameters: {}, createdAt: record.createdAt })),
    total,
  };
}

function property(record: TableRecord, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return Object.entries(record.parameters).find(([key]) => key.toLowerCase() === wanted)?.[1];
}

function wrong(record: TableRecord, name: string, problem: string): LochError {
  return new LochError(
    'invalid_argument',
    `Table property \`${name}\` of \`${record.database}.${record.name}\` ${problem}. Correct it, or set projection.enabled to false.`,
    { context: { table: record.name, property: name } },
  );
}

function need(record: TableRecord, name: string): string {
  const value = property(record, name)?.trim();
  if (value === undefined || value === '') throw wrong(record, name, 'is missing');
  return value;
}

function valuesOf(
  record: TableRecord,
  key: CatalogColumn,
  predicates: readonly ScanPredicate[],
  now: number,
): readonly string[] {
  const prefix = `projection.${key.name}`;
  const kind = need(record, `${prefix}.type`).toLowerCase();
  switch (kind) {
    case 'enum':
      return need(record, `${prefix}.values`)
        .split(',')
        .map((value) => value.trim());
    case 'integer':
      return integers(record, prefix);
    case 'date':
      return dates(record, prefix, now);
    case 'injected':
      return injected(record, key, predicates);
    default:
      throw wrong(record, `${prefix}.type`, `is \`${kind}\`; it must be enum, integer, date or injected`);
  }
}

function injected(record: TableRecord, key: CatalogColumn, predicates: readonly ScanPredicate[]): readonly string[] {
  const equal = predicates.filter(
    (predicate) => predicate.column.toLowerCase() === key.name && (predicate.op === '=' || predicate.op === 'in'),
  );
  if (equal.length > 0) return [...new Set(equal[0]!.values)];
  throw new LochError(
    'invalid_argument',
    `For the injected projected partition column \`${key.name}\` of \`${record.database}.${record.name}\` the statement must name its values: WHERE ${key.name} = '…', or IN.`,
    { context: { table: record.name, column: key.name } },
  );
}

function rangeOf(record: TableRecord, name: string): readonly [string, string] {
  const ends = need(record, name)
    .split(',')
    .map((end) => end.trim());
  if (ends.length !== 2) throw wrong(record, name, 'must have two ends, such as `1,10`');
  return [ends[0]!, ends[1]!];
}

function intervalOf(record: TableRecord, prefix: string): number {
  const text = property(record, `${prefix}.interval`)?.trim() ?? '1';
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw wrong(record, `${prefix}.interval`, `is \`${text}\`; it must be a whole number from 1`);
}

function integers(record: TableRecord, prefix: string): readonly string[] {
  const [low, high] = rangeOf(record, `${prefix}.range`).map((end) => {
    if (/^-?\d{1,19}$/.test(end)) return BigInt(end);
    throw wrong(record, `${prefix}.range`, `has the end \`${end}\`, which is no whole number`);
  }) as [bigint, bigint];
  const step = BigInt(intervalOf(record, prefix));
  const digits = Number(property(record, `${prefix}.digits`) ?? 0);
  if ((high - low) / step > MOST_VALUES) throw wrong(record, `${prefix}.range`, `has more than ${MOST_VALUES} values`);
  const values: string[] = [];
  for (let value = low; value <= high; value += step) {
    const text = String(value < 0n ? -value : value).padStart(digits, '0');
    values.push(value < 0n ? `-${text}` : text);
  }
  return values;
}

const UNITS = ['YEARS', 'MONTHS', 'WEEKS', 'DAYS', 'HOURS', 'MINUTES', 'SECONDS'] as const;
type Unit = (typeof UNITS)[number];
const UNIT_MS: Readonly<Partial<Record<Unit, number>>> = {
  WEEKS: 7 * 86_400_000,
  DAYS: 86_400_000,
  HOURS: 3_600_000,
  MINUTES: 60_000,
  SECONDS: 1000,
};

/** `at` moved by so many units; months end where they have no such day. */
function moved(at: number, count: number, unit: Unit): number {
  const ms = UNIT_MS[unit];
  if (ms !== undefined) return at + count * ms;
  const date = new Date(at);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === 'YEARS' ? 12 : 1));
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.getTime();
}

/** `DAYS`, `DAY` and `days` are one unit. */
function unitOf(record: TableRecord, name: string, text: string): Unit {
  const folded = text.trim().toUpperCase();
  const unit = UNITS.find((one) => one === folded || one === `${folded}S`);
  if (unit !== undefined) return unit;
  throw wrong(record, name, `names the unit \`${text}\`; known: ${UNITS.join(', ')}`);
}

function dates(record: TableRecord, prefix: string, now: number): readonly string[] {
  const format = dateFormat(need(record, `${prefix}.format`));
  if (format === undefined) {
    throw wrong(
      record,
      `${prefix}.format`,
      `is \`${property(record, `${prefix}.format`)}\`; it may have yyyy, MM, dd, HH, mm, ss, SSS and quoted text`,
    );
  }
  const name = `${prefix}.range`;
  const [from, to] = rangeOf(record, name).map((end) => {
    const relative = /^NOW\s*(?:([+-])\s*(\d{1,9})\s*([A-Za-z]+))?$/i.exec(end);
    if (relative !== null) {
      const count = Number(relative[2] ?? 0) * (relative[1] === '-' ? -1 : 1);
      return relative[3] === undefined ? now : moved(now, count, unitOf(record, name, relative[3]));
    }
    const at = format.parse(end);
    if (at === undefined) throw wrong(record, name, `has the end \`${end}\`, which is not of its format`);
    return at;
  }) as [number, number];
  const stated = property(record, `${prefix}.interval.unit`);
  const unit =
    stated === undefined
      ? defaultUnit(record, prefix, format.finest)
      : unitOf(record, `${prefix}.interval.unit`, stated);
  const step = intervalOf(record, prefix);
  const last = format.text(to);
  const values = new Set<string>();
  for (let i = 0; ; i += step) {
    const at = moved(from, i, unit);
    const text = format.text(at);
    if (at > to && text !== last) break;
    values.add(text);
    if (at > to) break;
    if (values.size > MOST_VALUES) throw wrong(record, name, `has more than ${MOST_VALUES} values`);
  }
  return [...values];
}

/** Days and months are stepped through one by one; of another precision the unit must be stated. */
function defaultUnit(record: TableRecord, prefix: string, finest: Unit): Unit {
  if (finest === 'DAYS' || finest === 'MONTHS') return finest;
  throw wrong(record, `${prefix}.interval.unit`, 'is missing; it is needed unless the format ends in days or months');
}

/** Where the partition of some values lies. */
function placeOf(record: TableRecord): (values: readonly string[]) => string {
  const template = property(record, 'storage.location.template');
  const names = record.partitionKeys.map((key) => key.name);
  if (template === undefined) {
    const base = folderOf(record.storage.location);
    return (values) => `${base}/${values.map((value, i) => `${names[i]}=${value}`).join('/')}/`;
  }
  const parts = template.split(/\$\{([^}]*)\}/);
  const positions = parts.map((part, i) => (i % 2 === 0 ? -1 : names.indexOf(part.toLowerCase())));
  const unknown = parts.find((_, i) => i % 2 === 1 && positions[i] === -1);
  if (unknown !== undefined) {
    throw wrong(record, 'storage.location.template', `names \`${unknown}\`, which is no partition key`);
  }
  const absent = names.find((_, i) => !positions.includes(i));
  if (absent !== undefined) throw wrong(record, 'storage.location.template', `does not name \`\${${absent}}\``);
  // Nobody authorizes computed places one by one: they must lie where the table's maker was allowed to make it.
  if (!parts[0]!.startsWith(`${folderOf(record.storage.location)}/`)) {
    throw wrong(
      record,
      'storage.location.template',
      `must begin with the table's own location \`${folderOf(record.storage.location)}/\``,
    );
  }
  return (values) => parts.map((part, i) => (i % 2 === 0 ? part : values[positions[i]!]!)).join('');
}
