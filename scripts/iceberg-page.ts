/**
 * The page docs/reference/iceberg-rest.md: every operation, update and requirement of the Iceberg REST catalog with the
 * test that shows it. Names come from the door and the table core, tests from docs/spec/iceberg-rest.json.
 */
import { viewUpdateNames } from '../src/catalog/iceberg/view-metadata.ts';
import { OPERATIONS } from '../src/doors/iceberg-rest/routes.ts';
import { tableRequirementNames, tableUpdateNames } from '../src/storage/tables/table-updates.ts';
import { CANNOT_HOLD, CANNOT_HOLD_OVER_GLUE } from '../test/interop/compatibility-kit/cannot-hold.ts';

/** The test of a name, and what it does not do. */
export interface IcebergRow {
  readonly test: string;
  readonly missing?: string;
}

/** Tests by part of the specification and name. */
export type IcebergRows = Readonly<Record<string, Readonly<Record<string, IcebergRow>>>>;

/** The parts of the specification with the names this server knows. */
export function icebergParts(): Readonly<Record<string, readonly string[]>> {
  return {
    operations: ['GetConfig', 'GetToken', ...OPERATIONS.map(({ name }) => name)],
    'table updates': tableUpdateNames(),
    'table requirements': tableRequirementNames(),
    'view updates': viewUpdateNames(),
    'view requirements': ['assert-view-uuid'],
  };
}

const routeOf = (name: string): string => {
  if (name === 'GetConfig') return '`GET /v1/config`';
  if (name === 'GetToken') return '`POST /v1/oauth/tokens`';
  const found = OPERATIONS.find((operation) => operation.name === name);
  return found === undefined ? '' : `\`${found.method} /v1/{prefix}${found.route}\``;
};

/** The page as it should be now. */
export function renderIceberg(rows: IcebergRows): string {
  const lines = [
    '# The Iceberg REST catalog',
    '',
    'What the door at `/iceberg` answers of the Apache Iceberg REST catalog specification, and the test of each, generated',
    'by `scripts/iceberg-page.ts`. Routes that are not here answer 404 `NoSuchEndpointException`. The signer’s older route,',
    '`POST /v1/aws/s3/sign`, is served too.',
    '',
    'Spark deletes the files of `DROP TABLE … PURGE` itself, after the drop. Its lent credentials have ended with the table',
    'by then: the drop stands, the files stay. Where it has `rest-catalog-purge`, set it, and the server purges.',
  ];
  for (const [part, names] of Object.entries(icebergParts())) {
    const routes = part === 'operations';
    lines.push('', `## ${part[0]!.toUpperCase()}${part.slice(1)}`, '');
    lines.push(routes ? '| operation | route | limits | test |' : '| name | limits | test |');
    lines.push(routes ? '| --- | --- | --- | --- |' : '| --- | --- | --- |');
    for (const name of names) {
      const row = rows[part]?.[name];
      const route = routes ? ` ${routeOf(name)} |` : '';
      lines.push(`| ${name} |${route} ${row?.missing ?? ''} | ${(row?.test ?? '').replaceAll('|', '\\|')} |`);
    }
  }
  lines.push(
    '',
    '## The compatibility kit',
    '',
    'The tests that Iceberg publishes for REST catalogs (tables and views, version 1.11.0) run against Loch as they are, in',
    '`test/interop/compatibility-kit`; only the locations they ask for are of the lake. These do not hold:',
    '',
  );
  for (const [reason, tests] of Object.entries(CANNOT_HOLD)) {
    lines.push(`- ${reason} (${tests.map((name) => `\`${name.replace(/^.*?Tests > /, '')}\``).join(', ')})`);
  }
  lines.push('', 'Of its tests of tables with the Java GlueCatalog, over the Glue door, these do not:', '');
  for (const [reason, tests] of Object.entries(CANNOT_HOLD_OVER_GLUE)) {
    lines.push(`- ${reason} (${tests.map((name) => `\`${name.replace(/^.*?Tests > /, '')}\``).join(', ')})`);
  }
  return [...lines, ''].join('\n');
}
