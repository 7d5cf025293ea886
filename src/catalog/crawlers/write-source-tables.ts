/** JDBC targets: tables of databases as tables of the catalog, by what the database says of itself; no row is read. */
import { LochError } from '../../core/errors.ts';
import type { CrawlerTarget, SourceTableDescription, SourceTablePattern, TableInput } from '../contract.ts';
import { exclusionTest } from '../databases/exclusions.ts';
import type { CrawlerParts, Crawl } from './crawler-parts.ts';
import { columnsNamed, plainName, UPDATED_BY } from './describe-table.ts';

/** A table of a source, ready for the catalog. */
export interface FoundSourceTable {
  readonly what: string;
  readonly input: TableInput;
}

/** `database/schema/table`; a part that is left out is any. MySQL has no schemas. */
function patternOf(target: CrawlerTarget, engine: string): SourceTablePattern {
  const [database = '%', second = '%', third] = target.path.split('/');
  if (engine === 'mysql') return { database, table: third ?? second };
  return { database, schema: second, table: third ?? '%' };
}

function inputOf(
  table: SourceTableDescription,
  facts: { readonly crawler: string; readonly prefix: string; readonly connection: string; readonly engine: string },
): TableInput {
  const place = [table.database, ...(table.schema === undefined ? [] : [table.schema]), table.name];
  return {
    name: `${facts.prefix.toLowerCase()}${plainName(place.join('_'))}`.slice(0, 128),
    tableType: 'EXTERNAL_TABLE',
    columns: columnsNamed(table.columns),
    partitionKeys: [],
    storage: { location: place.join('.'), serdeParameters: {} },
    parameters: {
      classification: facts.engine,
      typeOfData: table.kind,
      connectionName: facts.connection,
      [UPDATED_BY]: facts.crawler,
      CrawlerSchemaSerializerVersion: '1.0',
      CrawlerSchemaDeserializerVersion: '1.0',
      compressionType: 'none',
    },
    ...(table.comment === undefined ? {} : { description: table.comment.slice(0, 2048) }),
  };
}

/** The tables that a JDBC target leads to, under the rights of whom the crawler acts as on its connection. */
export async function* sourceTables(
  parts: CrawlerParts,
  crawl: Crawl,
  target: CrawlerTarget,
): AsyncGenerator<FoundSourceTable> {
  if (parts.openConnection === undefined || parts.sourceTables === undefined) {
    throw new LochError('unsupported', 'This Loch has no connections: JDBC targets cannot be crawled.');
  }
  const { definition } = crawl.stored;
  const connection = await parts.openConnection(crawl.context, target.connection!);
  const excluded = exclusionTest(target.exclusions);
  const facts = {
    crawler: definition.name,
    prefix: definition.tablePrefix,
    connection: target.connection!,
    engine: connection.engine,
  };
  for await (const table of parts.sourceTables(connection, patternOf(target, connection.engine), crawl.signal)) {
    const what = [table.database, table.schema, table.name].filter((part) => part !== undefined).join('/');
    if (!excluded(what)) yield { what, input: inputOf(table, facts) };
  }
}
