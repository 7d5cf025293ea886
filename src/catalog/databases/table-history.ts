import { LochError } from '../../core/errors.ts';
import type { Catalog, CatalogColumn, TableDifference, TableRecord } from '../contract.ts';
import { BUSINESS } from '../search/business-words.ts';
import { authorizeGlue, readTable, requireTable, shownTo } from './access.ts';
import { type CatalogParts, fold } from './parts.ts';
import databaseStore from './store.ts';
import { inputOf } from './table-definition.ts';
import { updateTable } from './update-table.ts';

/** Parameters that say where the table stands, not what it is. */
const POINTERS = new Set(['metadata_location', 'previous_metadata_location', 'transient_lastDdlTime']);

/** What is different between two records of one table. */
export function differenceOf(before: TableRecord, after: TableRecord): TableDifference {
  const facts = (record: TableRecord): ReadonlyMap<string, string | undefined> =>
    new Map([
      ['name', `${record.database}.${record.name}`],
      ['description', record.description],
      ['owner', record.owner],
      ['tableType', record.tableType],
      ['location', record.storage.location],
      ['viewText', record.viewText],
      ['partitionKeys', record.partitionKeys.map(({ name, type }) => `${name} ${type}`).join(', ')],
      ...Object.entries(record.parameters)
        .filter(([name]) => !POINTERS.has(name))
        .map(([name, value]) => [`parameters.${name}`, value] as const),
    ]);
  const [old, fresh] = [facts(before), facts(after)];
  const changed = [...new Set([...old.keys(), ...fresh.keys()])].sort().flatMap((field) => {
    const [from, to] = [old.get(field), fresh.get(field)];
    return from === to ? [] : [{ field, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
  });
  const was = new Map(before.columns.map((column) => [column.name, column]));
  const is = new Map(after.columns.map((column) => [column.name, column]));
  return {
    from: before.version,
    to: after.version,
    changed,
    columnsAdded: after.columns.filter(({ name }) => !was.has(name)),
    columnsRemoved: before.columns.filter(({ name }) => !is.has(name)),
    columnsChanged: after.columns.flatMap((to) => {
      const from = was.get(to.name);
      return from === undefined || same(from, to) ? [] : [{ from, to }];
    }),
  };
}

const same = (a: CatalogColumn, b: CatalogColumn): boolean => {
  const text = ({ type, comment, parameters }: CatalogColumn) =>
    JSON.stringify([type, comment ?? '', Object.entries(parameters ?? {}).sort()]);
  return text(a) === text(b);
};

async function versionOf(parts: CatalogParts, name: { database: string; table: string }, version: number) {
  const versions = await parts.store.read(databaseStore.procedures.tableVersions, {
    database: name.database,
    name: name.table,
  });
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  const known = versions.map((one) => one.version).slice(0, 10);
  throw new LochError(
    'not_found',
    `Table \`${name.database}.${name.table}\` has no version ${version}. Kept are: ${known.join(', ')}${versions.length > known.length ? ' …' : ''}. A version that was deleted, or skipped when it was made, cannot be brought back.`,
    { context: { table: name.table, version } },
  );
}

/** What changed between two versions, of what the caller may see. */
export const diffTableVersions =
  (parts: CatalogParts): Catalog['diffTableVersions'] =>
  async (context, given, { from, to }) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTableVersions', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const visible = await parts.policy.visibleTables(context);
    const [before, after] = [await versionOf(parts, name, from), await versionOf(parts, name, to)];
    return differenceOf(shownTo(visible, before), shownTo(visible, after));
  };

/** Makes an earlier version the table's newest one, business words and all. */
export const restoreTableVersion =
  (parts: CatalogParts): Catalog['restoreTableVersion'] =>
  async (context, given, version) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'ALTER');
    const current = await readTable(parts, context, name);
    if (current.metadataLocation !== undefined || current.view !== undefined) {
      const what = current.view === undefined ? 'an Iceberg table' : 'an Iceberg view';
      throw new LochError(
        'unsupported',
        `\`${name.database}.${name.table}\` is ${what}: what it was stands in its metadata file. Roll it back to a snapshot, or set an earlier schema or view version by the Iceberg REST catalog.`,
        { context: { table: name.table, version } },
      );
    }
    const wanted = await versionOf(parts, name, version);
    const input = inputOf({ ...wanted, name: current.name });
    const taken = BUSINESS.filter((word) => wanted.parameters[word] === undefined && current.parameters[word]);
    const parameters = { ...input.parameters, ...Object.fromEntries(taken.map((word) => [word, ''])) };
    return updateTable(parts)(context, name.database, { ...input, parameters }, { expectedVersion: current.version });
  };
