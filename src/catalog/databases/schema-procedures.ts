import { proceduresOver } from '../../metadata/contract.ts';
import type { TableRecord } from '../contract.ts';
import { type DatabaseTables, tableOf } from './rows.ts';

const { read } = proceduresOver<DatabaseTables>();

interface Reference {
  readonly SchemaId?: { readonly SchemaArn?: string; readonly SchemaName?: string; readonly RegistryName?: string };
  readonly SchemaVersionId?: string;
  readonly SchemaVersionNumber?: number;
}

export const schemaProcedures = {
  /** Tables that refer to a schema and to no certain version of it. **Cost**: looks at the text of every definition. */
  tablesFollowingSchema: read(
    async (db, args: { registry: string; name: string; arn: string }): Promise<TableRecord[]> => {
      const rows = await db
        .selectFrom('catalog_table')
        .selectAll()
        .where('dropped_at', 'is', null)
        .where('definition', 'like', '%"SchemaReference"%')
        .orderBy('database')
        .orderBy('name')
        .execute();
      return rows.map(tableOf).filter((table) => {
        const reference = table.storage.foreign?.SchemaReference as Reference | undefined;
        if (reference === undefined) return false;
        const { SchemaId, SchemaVersionId, SchemaVersionNumber } = reference;
        if (SchemaVersionId !== undefined || SchemaVersionNumber !== undefined) return false;
        if (SchemaId?.SchemaArn !== undefined) return SchemaId.SchemaArn === args.arn;
        return SchemaId?.SchemaName === args.name && (SchemaId.RegistryName ?? args.registry) === args.registry;
      });
    },
  ),
};
