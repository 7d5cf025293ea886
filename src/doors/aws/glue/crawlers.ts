import type {
  BatchGetCrawlersRequest,
  BatchGetCrawlersResponse,
  Crawler,
  CrawlerTargets,
  CreateCrawlerRequest,
  DeleteCrawlerRequest,
  GetCrawlerMetricsRequest,
  GetCrawlerMetricsResponse,
  GetCrawlerRequest,
  GetCrawlerResponse,
  GetCrawlersRequest,
  GetCrawlersResponse,
  ListCrawlersRequest,
  ListCrawlersResponse,
  ListCrawlsRequest,
  ListCrawlsResponse,
  StartCrawlerRequest,
  StopCrawlerRequest,
  UpdateCrawlerRequest,
} from '@aws-sdk/client-glue';
import type { CrawlerInput, CrawlerRecord, CrawlerRun, Crawlers, CrawlerTarget } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkBatch, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 1000;
const LAST_STATUS = { RUNNING: 'SUCCEEDED', COMPLETED: 'SUCCEEDED', FAILED: 'FAILED', STOPPED: 'CANCELLED' } as const;
const LOG_GROUP = '/aws-glue/crawlers';

/** **Errors**: `unsupported` naming a kind of target there is no crawler for. */
function toTargets(given: CrawlerTargets | undefined): CrawlerTarget[] {
  for (const [kind, targets] of Object.entries(given ?? {})) {
    if (kind !== 'S3Targets' && (targets?.length ?? 0) > 0) {
      throw new LochError('unsupported', `${kind} are not supported. Crawl S3Targets.`, { context: { kind } });
    }
  }
  return (given?.S3Targets ?? []).map((target) => {
    if (target.EventQueueArn !== undefined || target.ConnectionName !== undefined) {
      throw new LochError('unsupported', 'An S3 target by event queue or connection is not supported. Give its Path.');
    }
    return {
      path: target.Path ?? '',
      exclusions: target.Exclusions ?? [],
      ...(target.SampleSize === undefined ? {} : { sampleSize: target.SampleSize }),
    };
  });
}

type Given = Partial<Omit<CreateCrawlerRequest & UpdateCrawlerRequest, 'Name'>>;

/** **Errors**: `unsupported` naming what a crawler here cannot do. */
function toChanges(given: Given): Partial<Omit<CrawlerInput, 'name'>> {
  if (given.Schedule !== undefined && given.Schedule !== '') {
    throw new LochError('unsupported', 'A crawler Schedule is not supported. Start it by a workflow or by hand.');
  }
  if ((given.Classifiers?.length ?? 0) > 0) {
    throw new LochError('unsupported', 'Custom classifiers are not supported. Leave `Classifiers` out.');
  }
  const recrawl = given.RecrawlPolicy?.RecrawlBehavior;
  if (recrawl === 'CRAWL_EVENT_MODE') {
    throw new LochError(
      'unsupported',
      'CRAWL_EVENT_MODE is not supported. Use CRAWL_EVERYTHING or CRAWL_NEW_FOLDERS_ONLY.',
    );
  }
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

const seconds = (run: CrawlerRun): number => Math.max(0, ((run.endedAt ?? run.startedAt) - run.startedAt) / 1000);

function fromCrawler(record: CrawlerRecord): Crawler {
  const last = record.lastRun;
  return {
    Name: record.name,
    Role: record.role,
    DatabaseName: record.database,
    Description: record.description ?? '',
    Targets: {
      S3Targets: record.targets.map((target) => ({
        Path: target.path,
        Exclusions: [...target.exclusions],
        ...(target.sampleSize === undefined ? {} : { SampleSize: target.sampleSize }),
      })),
    },
    Classifiers: [],
    RecrawlPolicy: { RecrawlBehavior: record.recrawl },
    SchemaChangePolicy: { UpdateBehavior: record.schemaChange.update, DeleteBehavior: record.schemaChange.delete },
    State: record.state,
    TablePrefix: record.tablePrefix,
    CrawlElapsedTime: 0,
    CreationTime: new Date(record.createdAt),
    LastUpdated: new Date(record.updatedAt),
    Version: record.version,
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

/** Crawlers after the token's, at most a page of them. */
async function pageOf(crawlers: Crawlers, context: RequestContext, input: GetCrawlersRequest | ListCrawlersRequest) {
  const limit = pageSize(input.MaxResults, PAGE);
  const after = positionOf(input.NextToken, isText);
  const rest = (await crawlers.list(context)).filter((one) => after === undefined || one.name > after);
  const page = rest.slice(0, limit);
  return { page, ...(rest.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}) };
}

async function metrics(
  crawlers: Crawlers,
  context: RequestContext,
  input: GetCrawlerMetricsRequest,
): Promise<GetCrawlerMetricsResponse> {
  const wanted = new Set(input.CrawlerNameList ?? []);
  const { page, ...next } = await pageOf(crawlers, context, input);
  const list = [];
  for (const crawler of page.filter((one) => wanted.size === 0 || wanted.has(one.name))) {
    const runs = (await crawlers.runs(context, crawler.name)).filter((run) => run.state !== 'RUNNING');
    const times = runs.map(seconds).sort((a, b) => a - b);
    const sum = (count: (run: CrawlerRun) => number) => runs.reduce((total, run) => total + count(run), 0);
    list.push({
      CrawlerName: crawler.name,
      TimeLeftSeconds: 0,
      StillEstimating: crawler.state !== 'READY',
      LastRuntimeSeconds: runs[0] === undefined ? 0 : seconds(runs[0]),
      MedianRuntimeSeconds: times[Math.floor(times.length / 2)] ?? 0,
      TablesCreated: sum((run) => run.tablesCreated),
      TablesUpdated: sum((run) => run.tablesUpdated),
      TablesDeleted: sum((run) => run.tablesDeleted),
    });
  }
  return { CrawlerMetricsList: list, ...next };
}

async function crawls(
  crawlers: Crawlers,
  context: RequestContext,
  input: ListCrawlsRequest,
): Promise<ListCrawlsResponse> {
  const limit = pageSize(input.MaxResults, PAGE);
  const after = positionOf(input.NextToken, isText);
  const runs = await crawlers.runs(context, input.CrawlerName!);
  const start = after === undefined ? 0 : runs.findIndex((run) => run.id === after) + 1;
  const page = runs.slice(start, start + limit);
  return {
    Crawls: page.map((run) => ({
      CrawlId: run.id,
      State: run.state,
      StartTime: new Date(run.startedAt),
      ...(run.endedAt === undefined ? {} : { EndTime: new Date(run.endedAt) }),
      ...(run.error === undefined ? {} : { ErrorMessage: run.error }),
      LogGroup: LOG_GROUP,
      LogStream: run.crawler,
      MessagePrefix: run.id,
      Summary: JSON.stringify({
        TABLE: {
          ADD: { Count: run.tablesCreated },
          UPDATE: { Count: run.tablesUpdated },
          DELETE: { Count: run.tablesDeleted },
        },
        PARTITION: { ADD: { Count: run.partitionsAdded } },
        OBJECTS: run.objects,
        MESSAGES: run.messages,
      }),
    })),
    ...(runs.length > start + limit ? { NextToken: tokenOf(page.at(-1)!.id) } : {}),
  };
}

/** Operations on crawlers. */
export function crawlerOperations(crawlers: Crawlers): Record<string, OperationSpec> {
  return {
    CreateCrawler: {
      partial: 'S3 targets alone; no schedule, custom classifiers, event mode, tags',
      async run(context: RequestContext, input: CreateCrawlerRequest) {
        const changes = toChanges(input);
        await crawlers.create(context, {
          ...changes,
          name: input.Name!,
          role: input.Role!,
          database: changes.database ?? '',
          targets: changes.targets ?? [],
        });
        return {};
      },
    },
    UpdateCrawler: {
      partial: 'as CreateCrawler',
      async run(context: RequestContext, input: UpdateCrawlerRequest) {
        await crawlers.update(context, input.Name!, toChanges(input));
        return {};
      },
    },
    GetCrawler: {
      readOnly: true,
      async run(context: RequestContext, input: GetCrawlerRequest): Promise<GetCrawlerResponse> {
        return { Crawler: fromCrawler(await crawlers.get(context, input.Name!)) };
      },
    },
    GetCrawlers: {
      readOnly: true,
      async run(context: RequestContext, input: GetCrawlersRequest): Promise<GetCrawlersResponse> {
        const { page, ...next } = await pageOf(crawlers, context, input);
        return { Crawlers: page.map(fromCrawler), ...next };
      },
    },
    BatchGetCrawlers: {
      readOnly: true,
      async run(context: RequestContext, input: BatchGetCrawlersRequest): Promise<BatchGetCrawlersResponse> {
        checkBatch(input.CrawlerNames, 100, 'CrawlerNames');
        const known = new Map((await crawlers.list(context)).map((crawler) => [crawler.name, crawler]));
        const names = input.CrawlerNames ?? [];
        return {
          Crawlers: names.flatMap((name) => (known.has(name) ? [fromCrawler(known.get(name)!)] : [])),
          CrawlersNotFound: names.filter((name) => !known.has(name)),
        };
      },
    },
    ListCrawlers: {
      readOnly: true,
      partial: 'no tags',
      async run(context: RequestContext, input: ListCrawlersRequest): Promise<ListCrawlersResponse> {
        const { page, ...next } = await pageOf(crawlers, context, input);
        return { CrawlerNames: page.map((crawler) => crawler.name), ...next };
      },
    },
    StartCrawler: {
      async run(context: RequestContext, input: StartCrawlerRequest) {
        await crawlers.start(context, input.Name!);
        return {};
      },
    },
    StopCrawler: {
      async run(context: RequestContext, input: StopCrawlerRequest) {
        await crawlers.stop(context, input.Name!);
        return {};
      },
    },
    DeleteCrawler: {
      async run(context: RequestContext, input: DeleteCrawlerRequest) {
        await crawlers.delete(context, input.Name!);
        return {};
      },
    },
    GetCrawlerMetrics: {
      readOnly: true,
      run: (context, input: GetCrawlerMetricsRequest) => metrics(crawlers, context, input),
    },
    ListCrawls: {
      readOnly: true,
      partial: 'no filters',
      run: (context, input: ListCrawlsRequest) => crawls(crawlers, context, input),
    },
  };
}
