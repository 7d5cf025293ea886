import type {
  BatchGetCrawlersRequest,
  BatchGetCrawlersResponse,
  CreateCrawlerRequest,
  CrawlsFilter,
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
  StartCrawlerScheduleRequest,
  StopCrawlerRequest,
  StopCrawlerScheduleRequest,
  UpdateCrawlerRequest,
  UpdateCrawlerScheduleRequest,
} from '@aws-sdk/client-glue';
import type { CrawlerRun, Crawlers } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { fromCrawler, LOG_GROUP, toChanges } from './crawler-shapes.ts';
import { checkBatch, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 1000;

const seconds = (run: CrawlerRun): number => Math.max(0, ((run.endedAt ?? run.startedAt) - run.startedAt) / 1000);

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

/** What crawls are filtered by. */
const RUN_FIELDS: Readonly<Record<string, (run: CrawlerRun) => string | number>> = {
  CRAWL_ID: (run) => run.id,
  STATE: (run) => run.state,
  START_TIME: (run) => run.startedAt,
  END_TIME: (run) => run.endedAt ?? 0,
};

const OPERATORS: Readonly<Record<string, (found: string | number, wanted: string | number) => boolean>> = {
  EQ: (found, wanted) => found === wanted,
  NE: (found, wanted) => found !== wanted,
  GT: (found, wanted) => found > wanted,
  GE: (found, wanted) => found >= wanted,
  LT: (found, wanted) => found < wanted,
  LE: (found, wanted) => found <= wanted,
};

/** A test of runs. **Errors**: `invalid_argument` naming the field, operator or value that is not one. */
function runFilter({ FieldName: field, FilterOperator: operator, FieldValue: value }: CrawlsFilter) {
  const read = RUN_FIELDS[field ?? ''];
  if (read === undefined || value === undefined) {
    throw new LochError(
      'invalid_argument',
      `A filter of crawls needs a value and one of ${Object.keys(RUN_FIELDS).join(', ')}.`,
    );
  }
  const isTime = field === 'START_TIME' || field === 'END_TIME';
  const wanted = isTime ? Number(value) || Date.parse(value) : value;
  if (Number.isNaN(wanted)) throw new LochError('invalid_argument', `\`${value}\` is not a time for \`${field}\`.`);
  const test = OPERATORS[operator ?? 'EQ'];
  if (test === undefined) throw new LochError('invalid_argument', `\`${operator}\` is no operator of a filter.`);
  return (run: CrawlerRun) => test(read(run), wanted);
}

async function crawls(
  crawlers: Crawlers,
  context: RequestContext,
  input: ListCrawlsRequest,
): Promise<ListCrawlsResponse> {
  const limit = pageSize(input.MaxResults, PAGE);
  const after = positionOf(input.NextToken, isText);
  const filters = (input.Filters ?? []).map(runFilter);
  const all = await crawlers.runs(context, input.CrawlerName!);
  const runs = all.filter((run) => filters.every((filter) => filter(run)));
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

function schedules(crawlers: Crawlers): NonNullable<Crawlers['setSchedule']> {
  if (crawlers.setSchedule !== undefined) return crawlers.setSchedule;
  throw new LochError('unsupported', 'Crawlers here have no schedules.');
}

/** Operations on crawlers. */
export function crawlerOperations(crawlers: Crawlers): Record<string, OperationSpec> {
  return {
    CreateCrawler: {
      partial: 'targets on S3, JDBC, the catalog, Delta, Iceberg and Hudi; no tags, no security configuration',
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
    UpdateCrawlerSchedule: {
      async run(context: RequestContext, input: UpdateCrawlerScheduleRequest) {
        await crawlers.update(context, input.CrawlerName!, { schedule: input.Schedule ?? '' });
        return {};
      },
    },
    StartCrawlerSchedule: {
      async run(context: RequestContext, input: StartCrawlerScheduleRequest) {
        await schedules(crawlers)(context, input.CrawlerName!, 'SCHEDULED');
        return {};
      },
    },
    StopCrawlerSchedule: {
      async run(context: RequestContext, input: StopCrawlerScheduleRequest) {
        await schedules(crawlers)(context, input.CrawlerName!, 'NOT_SCHEDULED');
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
      run: (context, input: ListCrawlsRequest) => crawls(crawlers, context, input),
    },
  };
}
