import type { StoreCall } from '../../metadata/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { TableInput, TableRecord } from '../contract.ts';
import type { PartitionIndexInput } from './contract.ts';
import { checkPartitionIndexes } from './partition-indexes.ts';
import { assertFilesInside } from '../iceberg/table-place.ts';
import type { CatalogParts } from './parts.ts';
import { describeForeign } from './foreign-tables.ts';
import { authorizeNewTable, type NewTable, registerTable } from './register-table.ts';
import { folderOf } from './rows.ts';
import { foreignKind, isIceberg } from './table-definition.ts';

/**
 * Makes a table over files, a view, or registers an Iceberg table by its `metadata_location`, whose metadata file then
 * says columns and location. `alongside` joins the transaction.
 */
export const createTable =
  (parts: CatalogParts) =>
  async (
    context: RequestContext,
    database: string,
    given: TableInput,
    alongside: readonly StoreCall[] = [],
    options: { readonly partitionIndexes?: readonly PartitionIndexInput[] } = {},
  ): Promise<TableRecord> => {
    const metadataLocation = given.parameters?.metadata_location;
    if (!isIceberg(given)) {
      const table = await withOwnSchema(parts, await authorizeNewTable(parts, context, { database, input: given }));
      const { input } = table;
      const where = `table \`${input.name}\``;
      const partitionIndexes = checkPartitionIndexes(options.partitionIndexes, input.partitionKeys ?? [], where);
      return registerTable(parts, context, table, { alongside, partitionIndexes });
    }
    // Its partitions are in its metadata: there is nothing an index could be over.
    checkPartitionIndexes(options.partitionIndexes, [], `Iceberg table \`${given.name}\``);
    if (metadataLocation === undefined) {
      throw new LochError(
        'invalid_argument',
        `Table \`${given.name}\` is said to be Iceberg and has no \`metadata_location\`. Give the location of its metadata file, or let the table be created as a new Iceberg table.`,
        { context: { table: given.name } },
      );
    }
    // The location decides the rights, so it is authorized as given before the metadata file is read.
    const claimed = given.storage?.location ?? metadataLocation.replace(/\/metadata\/[^/]*$/, '');
    const storage = { serdeParameters: {}, ...given.storage, location: claimed };
    const checked = await authorizeNewTable(parts, context, { database, input: { ...given, storage } });
    const metadata = await parts.tables.readMetadata(metadataLocation);
    if (
      folderOf(metadata.location) !== folderOf(claimed) ||
      !metadataLocation.startsWith(`${folderOf(metadata.location)}/`)
    ) {
      throw new LochError(
        'invalid_argument',
        `Metadata file \`${metadataLocation}\` is of a table at \`${metadata.location}\`, not at \`${claimed}\`. Give the table's own location and a metadata file under it.`,
        { context: { metadataLocation, location: metadata.location } },
      );
    }
    await assertFilesInside(parts, undefined, metadata);
    const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === metadata['current-schema-id']);
    const input = {
      ...checked.input,
      columns: schema === undefined ? [] : parts.tables.columnsFromSchema(schema),
      storage: { ...storage, location: metadata.location },
    };
    return registerTable(parts, context, { database: checked.database, input }, { metadataLocation, alongside });
  };

/** A Delta or Hudi table without stated columns has those of its own log. Rights on the place were asked before. */
async function withOwnSchema(parts: CatalogParts, table: NewTable): Promise<NewTable> {
  const { input } = table;
  const kind = foreignKind(input);
  const location = input.storage?.location ?? '';
  if (kind === undefined || input.columns.length > 0 || location === '') return table;
  const { columns, partitionKeys, serde } = await describeForeign(parts, kind, location, input.parameters ?? {});
  return {
    ...table,
    input: { ...input, columns, partitionKeys, storage: { serdeParameters: {}, ...serde, ...input.storage, location } },
  };
}
