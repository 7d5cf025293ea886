import { glueArn } from '../../core/arn.ts';
import type { EventPayloads, StoredEvent } from '../../core/events.ts';
import type { CatalogChange } from './contract.ts';

interface Place {
  readonly region: string;
  readonly accountId: string;
}

const DATABASE_CHANGES = { created: 'CreateDatabase', updated: 'UpdateDatabase', deleted: 'DeleteDatabase' } as const;
/** Tables that come and go change their database; the others change themselves. **Source**: as the contract. */
const TABLE_CHANGES = {
  created: 'CreateTable',
  restored: 'CreateTable',
  deleted: 'DeleteTable',
  updated: 'UpdateTable',
} as const;

/** The change that an event of the outbox tells; undefined where it is of something else. */
export function changeOfEvent(event: StoredEvent, place: Place): CatalogChange | undefined {
  switch (event.name) {
    case 'catalogDatabaseChanged': {
      const { database, change } = event.payload;
      return told(event, place, 'Database', [`database/${database}`], {
        databaseName: database,
        typeOfChange: DATABASE_CHANGES[change],
      });
    }
    case 'catalogTableChanged':
      return tableChange(event, event.payload, place);
    case 'catalogPartitionsChanged': {
      const { database, table, added, removed } = event.payload;
      const typeOfChange =
        added > 0 && removed > 0
          ? 'BatchUpdatePartition'
          : added > 0
            ? 'BatchCreatePartition'
            : removed > 0
              ? 'BatchDeletePartition'
              : 'UpdatePartition';
      return told(event, place, 'Table', [`table/${database}/${table}`], {
        databaseName: database,
        tableName: table,
        typeOfChange,
      });
    }
    case 'catalogTableCommitted': {
      const { database, table, snapshotId, operation } = event.payload;
      return told(event, place, 'Table', [`table/${database}/${table}`], {
        databaseName: database,
        tableName: table,
        typeOfChange: 'UpdateTable',
        snapshotId,
        operation,
      });
    }
    default:
      return undefined;
  }
}

function tableChange(
  event: StoredEvent,
  { database, table, change }: EventPayloads['catalogTableChanged'],
  place: Place,
): CatalogChange {
  const typeOfChange = TABLE_CHANGES[change];
  const resources = [`table/${database}/${table}`];
  if (change === 'updated') {
    return told(event, place, 'Table', resources, { databaseName: database, tableName: table, typeOfChange });
  }
  return told(event, place, 'Database', resources, { databaseName: database, typeOfChange, changedTables: [table] });
}

function told(
  event: StoredEvent,
  { region, accountId }: Place,
  of: 'Database' | 'Table',
  resources: readonly string[],
  detail: CatalogChange['detail'],
): CatalogChange {
  return {
    version: '0',
    id: `catalog-${event.sequence}`,
    'detail-type': `Glue Data Catalog ${of} State Change`,
    source: 'aws.glue',
    account: accountId,
    time: new Date(event.at).toISOString(),
    region,
    resources: resources.map((resource) => glueArn(region, accountId, resource)),
    detail,
  };
}
