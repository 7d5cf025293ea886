/** Crawlers as the SDK's shapes and back. */
import type { Crawler, CrawlerTargets, CreateCrawlerRequest, UpdateCrawlerRequest } from '@aws-sdk/client-glue';
import type { CrawlerInput, CrawlerRecord, CrawlerTarget } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';

const LAST_STATUS = { RUNNING: 'SUCCEEDED', COMPLETED: 'SUCCEEDED', FAILED: 'FAILED', STOPPED: 'CANCELLED' } as const;
export const LOG_GROUP = '/aws-glue/crawlers';

const KINDS: readonly string[] = [
  'S3Targets',
  'JdbcTargets',
  'CatalogTargets',
  'DeltaTargets',
  'IcebergTargets',
  'HudiTargets',
];

const depthOf = (depth: number | undefined) => (depth === undefined ? {} : { maximumDepth: depth });

/** **Errors**: `unsupported` naming a kind of target there is no crawler for. */
function toTargets(given: CrawlerTargets | undefined): CrawlerTarget[] {
  for (const [kind, targets] of Object.entries(given ?? {})) {
    if (!KINDS.includes(kind) && (targets?.length ?? 0) > 0) {
      throw new LochError('unsupported', `${kind} are not supported. Crawl one of ${KINDS.join(', ')}.`, {
        context: { kind },
      });
    }
  }
  const s3 = (given?.S3Targets ?? []).map((target): CrawlerTarget => {
    if (target.ConnectionName !== undefined) {
      throw new LochError('unsupported', 'An S3 target by connection is not supported. Give its Path alone.');
    }
    return {
      path: target.Path ?? '',
      exclusions: target.Exclusions ?? [],
      ...(target.SampleSize === undefined ? {} : { sampleSize: target.SampleSize }),
    };
  });
  const jdbc = (given?.JdbcTargets ?? []).map(
    (target): CrawlerTarget => ({
      kind: 'jdbc',
      path: target.Path ?? '',
      exclusions: target.Exclusions ?? [],
      ...(target.ConnectionName === undefined ? {} : { connection: target.ConnectionName }),
    }),
  );
  const catalog = (given?.CatalogTargets ?? []).flatMap((target) =>
    (target.Tables ?? []).map(
      (table): CrawlerTarget => ({ kind: 'catalog', path: `${target.DatabaseName}/${table}`, exclusions: [] }),
    ),
  );
  const delta = (given?.DeltaTargets ?? []).flatMap((target) => {
    if (target.WriteManifest === true) {
      throw new LochError(
        'unsupported',
        'WriteManifest is not supported: Loch reads Delta tables by their own log. Leave it out.',
      );
    }
    return (target.DeltaTables ?? []).map((path): CrawlerTarget => ({ kind: 'delta', path, exclusions: [] }));
  });
  const open = (['Iceberg', 'Hudi'] as const).flatMap((name) =>
    (given?.[`${name}Targets`] ?? []).flatMap((target) =>
      (target.Paths ?? []).map(
        (path): CrawlerTarget => ({
          kind: name === 'Hudi' ? 'hudi' : 'iceberg',
          path,
          exclusions: target.Exclusions ?? [],
          ...depthOf(target.MaximumTraversalDepth),
        }),
      ),
    ),
  );
  return [...s3, ...jdbc, ...catalog, ...delta, ...open];
}

function fromTargets(targets: readonly CrawlerTarget[]): CrawlerTargets {
  const of = (kind: CrawlerTarget['kind']) => targets.filter((target) => (target.kind ?? 's3') === kind);
  const open = (kind: 'hudi' | 'iceberg') =>
    of(kind).map((target) => ({
      Paths: [target.path],
      Exclusions: [...target.exclusions],
      ...(target.maximumDepth === undefined ? {} : { MaximumTraversalDepth: target.maximumDepth }),
    }));
  const databases = new Map<string, string[]>();
  for (const { path } of of('catalog')) {
    const [database = '', table = ''] = path.split('/');
    databases.set(database, [...(databases.get(database) ?? []), table]);
  }
  return {
    S3Targets: of('s3').map((target) => ({
      Path: target.path,
      Exclusions: [...target.exclusions],
      ...(target.sampleSize === undefined ? {} : { SampleSize: target.sampleSize }),
    })),
    JdbcTargets: of('jdbc').map((target) => ({
      ConnectionName: target.connection ?? '',
      Path: target.path,
      Exclusions: [...target.exclusions],
    })),
    CatalogTargets: [...databases].map(([DatabaseName, Tables]) => ({ DatabaseName, Tables })),
    DeltaTargets: of('delta').map((target) => ({ DeltaTables: [target.path], WriteManifest: false })),
    IcebergTargets: open('iceberg'),
    HudiTargets: open('hudi'),
  };
}

type Given = Partial<Omit<CreateCrawlerRequest & UpdateCrawlerRequest, 'Name'>>;

/** **Errors**: `unsupported` naming what a crawler here cannot do. */
export function toChanges(given: Given): Partial<Omit<CrawlerInput, 'name'>> {
  const recrawl = given.RecrawlPolicy?.RecrawlBehavior;
  const { UpdateBehavior, DeleteBehavior } = given.SchemaChangePolicy ?? {};
  const foreign = Object.fromEntries(
    (['LineageConfiguration', 'LakeFormationConfiguration', 'CrawlerSecurityConfiguration'] as const)
      .filter((name) => given[name] !== undefined)
      .map((name) => [name, given[name]]),
  );
  return {
    ...(given.Role === undefined ? {} : { role: given.Role }),
    ...(given.DatabaseName === undefined ? {} : { database: given.DatabaseName }),
    ...(given.Targets === undefined ? {} : { targets: toTargets(given.Targets) }),
    ...(given.TablePrefix === undefined ? {} : { tablePrefix: given.TablePrefix }),
    ...(given.Description === undefined ? {} : { description: given.Description }),
    ...(given.Configuration === undefined ? {} : { configuration: given.Configuration }),
    ...(given.Classifiers === undefined ? {} : { classifiers: given.Classifiers }),
    ...(given.Schedule === undefined ? {} : { schedule: given.Schedule }),
    ...(given.SchemaChangePolicy === undefined
      ? {}
      : {
          schemaChange: {
            update: UpdateBehavior ?? 'UPDATE_IN_DATABASE',
            delete: DeleteBehavior ?? 'DEPRECATE_IN_DATABASE',
          },
        }),
    ...(recrawl === undefined ? {} : { recrawl }),
    ...(Object.keys(foreign).length === 0 ? {} : { foreign }),
  };
}

/** A crawler as the SDK shows it. */
export function fromCrawler(record: CrawlerRecord): Crawler {
  const last = record.lastRun;
  const { schedule } = record;
  return {
    Name: record.name,
    Role: record.role,
    DatabaseName: record.database,
    Description: record.description ?? '',
    Targets: fromTargets(record.targets),
    Classifiers: [...(record.classifiers ?? [])],
    RecrawlPolicy: { RecrawlBehavior: record.recrawl },
    SchemaChangePolicy: { UpdateBehavior: record.schemaChange.update, DeleteBehavior: record.schemaChange.delete },
    State: record.state,
    TablePrefix: record.tablePrefix,
    CrawlElapsedTime: 0,
    CreationTime: new Date(record.createdAt),
    LastUpdated: new Date(record.updatedAt),
    Version: record.version,
    ...(schedule === undefined ? {} : { Schedule: { ScheduleExpression: schedule.expression, State: schedule.state } }),
    ...(record.configuration === undefined ? {} : { Configuration: record.configuration }),
    ...(last === undefined || last.state === 'RUNNING'
      ? {}
      : {
          LastCrawl: {
            Status: LAST_STATUS[last.state],
            StartTime: new Date(last.startedAt),
            LogGroup: LOG_GROUP,
            LogStream: record.name,
            MessagePrefix: last.id,
            ...(last.error === undefined ? {} : { ErrorMessage: last.error }),
          },
        }),
    ...record.foreign,
  };
}
