import {
  ConcurrentModificationException,
  CreateClassifierCommand,
  CreateCrawlerCommand,
  CreateDatabaseCommand,
  DeleteClassifierCommand,
  EntityNotFoundException,
  GetClassifierCommand,
  GetClassifiersCommand,
  GetCrawlerCommand,
  type FieldName,
  type FilterOperator,
  GetTableCommand,
  GlueClient,
  InvalidInputException,
  ListCrawlsCommand,
  SchedulerNotRunningException,
  StartCrawlerCommand,
  StartCrawlerScheduleCommand,
  StopCrawlerScheduleCommand,
  UpdateClassifierCommand,
  UpdateCrawlerScheduleCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogStoreModules, openCatalog } from '../../../catalog/index.ts';
import { systemClock } from '../../../core/clock.ts';
import { createForeignTables } from '../../../storage/foreign/index.ts';
import { createTableFormat } from '../../../storage/tables/index.ts';
import { type GovernedAwsDoor, openGovernedAwsDoor } from '../../../testing/builders/governed-aws-door.ts';
import { testObjects } from '../../../testing/builders/test-catalog.ts';
import { glueService } from './service.ts';

const accountId = '123456789012';
let door: GovernedAwsDoor;
let files: Awaited<ReturnType<typeof testObjects>>;
let glue: GlueClient;

beforeAll(async () => {
  files = await testObjects(['lake']);
  const { objects } = files;
  door = await openGovernedAwsDoor({
    accountId,
    modules: catalogStoreModules,
    async open({ store, governance: { policy, identities } }) {
      const formats = {
        tables: createTableFormat({ objects, clock: systemClock }),
        foreignTables: createForeignTables({ objects }),
      };
      const common = { store, objects, ...formats, policy, identities, clock: systemClock };
      const opened = await openCatalog({ ...common, accountId, region: 'us-east-1' });
      return { ...opened, services: [glueService(opened)] };
    },
  });
  glue = new GlueClient({
    region: 'us-east-1',
    endpoint: door.endpoint,
    credentials: door.rootKey,
    maxAttempts: 1,
  });
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'shop' } }));
});
afterAll(async () => {
  await door.close();
  await files.close();
});

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('resolved'),
    (error: Error) => error,
  );

async function crawl(Name: string, other: object) {
  await glue.send(new CreateCrawlerCommand({ Name, Role: 'r', DatabaseName: 'shop', Targets: {}, ...other }));
  await glue.send(new StartCrawlerCommand({ Name }));
  for (;;) {
    const { Crawler } = await glue.send(new GetCrawlerCommand({ Name }));
    if (Crawler!.State === 'READY') return Crawler!;
  }
}
const columnsOf = async (Name: string) =>
  (await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name }))).Table!.StorageDescriptor!.Columns!.map(
    (column) => `${column.Name} ${column.Type}`,
  );

describe('classifiers', () => {
  it('are kept, changed, listed and forgotten', async () => {
    const GrokClassifier = {
      Name: 'app',
      Classification: 'app_log',
      GrokPattern: '%{TIMESTAMP_ISO8601:at} %{LOGLEVEL:level} %{SHOP:shop} %{NUMBER:ms:int}',
      CustomPatterns: 'SHOP shop-[0-9]+',
    };
    await glue.send(new CreateClassifierCommand({ GrokClassifier }));
    await glue.send(new CreateClassifierCommand({ XMLClassifier: { Name: 'x', Classification: 'x', RowTag: 'row' } }));
    await glue.send(new CreateClassifierCommand({ JsonClassifier: { Name: 'j', JsonPath: '$.data.items[*]' } }));
    const CsvClassifier = {
      Name: 'c',
      Delimiter: '^',
      ContainsHeader: 'PRESENT' as const,
      Serde: 'OpenCSVSerDe' as const,
    };
    await glue.send(new CreateClassifierCommand({ CsvClassifier }));
    await glue.send(new UpdateClassifierCommand({ XMLClassifier: { Name: 'x', RowTag: 'item' } }));
    const { Classifier } = await glue.send(new GetClassifierCommand({ Name: 'x' }));
    expect(Classifier).toMatchObject({ XMLClassifier: { Classification: 'x', RowTag: 'item', Version: 2 } });
    const { Classifiers } = await glue.send(new GetClassifiersCommand({}));
    expect(Classifiers).toMatchObject([
      { GrokClassifier },
      { CsvClassifier },
      { JsonClassifier: { JsonPath: '$.data.items[*]' } },
      { XMLClassifier: { Name: 'x' } },
    ]);
    const first = await glue.send(new GetClassifiersCommand({ MaxResults: 3 }));
    expect((await glue.send(new GetClassifiersCommand({ NextToken: first.NextToken }))).Classifiers).toHaveLength(1);
    await glue.send(new DeleteClassifierCommand({ Name: 'x' }));
    expect(await failure(glue.send(new GetClassifierCommand({ Name: 'x' })))).toBeInstanceOf(EntityNotFoundException);
  });

  it.each([
    ['does not compile', { GrokPattern: '%{WORD:a} (' }],
    ['names an unknown one', { GrokPattern: '%{NOBODY:a}' }],
    ['is too long', { GrokPattern: `%{WORD:a}${'x'.repeat(2048)}` }],
    ['holds itself', { GrokPattern: '%{A:a}', CustomPatterns: 'A %{B}\nB %{A}' }],
    ['has an unknown type', { GrokPattern: '%{WORD:a:colour}' }],
  ])('whose pattern %s are refused', async (_, given) => {
    const input = { GrokClassifier: { Name: 'bad', Classification: 'bad', ...given } };
    expect(await failure(glue.send(new CreateClassifierCommand(input)))).toBeInstanceOf(InvalidInputException);
  });

  it('go before the built-in ones, in the order the crawler names them', async () => {
    const line = '2026-01-31T10:00:00Z WARN shop-7 12';
    await files.objects.put('lake', 'logs/app/a.log', Buffer.from(`${line}\n${line}\n`));
    await files.objects.put(
      'lake',
      'logs/items/a.json',
      Buffer.from('{"data":{"items":[{"Sku":"a","n":1},{"Sku":"b","n":2}]}}'),
    );
    await files.objects.put('lake', 'logs/caret/a.txt', Buffer.from('id^name\n1^Ada\n2^Bo\n'));
    const crawler = await crawl('custom', {
      Targets: { S3Targets: [{ Path: 's3://lake/logs/' }] },
      Classifiers: ['app', 'c', 'j', 'gone'],
    });
    expect(crawler).toMatchObject({ Classifiers: ['app', 'c', 'j', 'gone'], LastCrawl: { Status: 'SUCCEEDED' } });
    const crawls = async (FieldName: FieldName, FilterOperator: FilterOperator, FieldValue: string) =>
      (
        await glue.send(
          new ListCrawlsCommand({ CrawlerName: 'custom', Filters: [{ FieldName, FilterOperator, FieldValue }] }),
        )
      ).Crawls;
    expect(await crawls('STATE', 'EQ', 'COMPLETED')).toHaveLength(1);
    expect(await crawls('STATE', 'NE', 'COMPLETED')).toEqual([]);
    expect(await crawls('START_TIME', 'GT', '2100-01-01T00:00:00Z')).toEqual([]);
    expect(await failure(crawls('DPU_HOUR', 'GT', '1'))).toBeInstanceOf(InvalidInputException);
    expect(await columnsOf('app')).toEqual(['at string', 'level string', 'shop string', 'ms int']);
    expect(await columnsOf('items')).toEqual(['sku string', 'n bigint']);
    expect(await columnsOf('caret')).toEqual(['id bigint', 'name string']);
    const { Table } = await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name: 'app' }));
    expect(Table).toMatchObject({
      Parameters: { classification: 'app_log', grokPattern: expect.stringContaining('%{SHOP:shop}') },
      StorageDescriptor: { SerdeInfo: { SerializationLibrary: 'com.amazonaws.glue.serde.GrokSerDe' } },
    });
  });

  it('that take longer than a second for a line are cut off, and the next one is asked', async () => {
    const GrokClassifier = { Name: 'slow', Classification: 'slow', GrokPattern: '(?<a>(x+x+)+)y' };
    await glue.send(new CreateClassifierCommand({ GrokClassifier }));
    await files.objects.put('lake', 'slow/a.csv', Buffer.from(`id,t\n1,a\n${'x'.repeat(40)},z\n2,b\n`));
    await files.objects.put('lake', 'slow/b.txt', Buffer.from(`${'x'.repeat(40)}\n`));
    const crawler = await crawl('slow', {
      Targets: { S3Targets: [{ Path: 's3://lake/slow/' }] },
      Classifiers: ['slow'],
    });
    expect(crawler.LastCrawl?.Status).toBe('SUCCEEDED');
    expect(await columnsOf('slow')).toHaveLength(2);
  });
});

describe('a schedule', () => {
  it('is given, stopped, started and taken away', async () => {
    const Name = 'nightly';
    const Targets = { S3Targets: [{ Path: 's3://lake/logs/' }] };
    await glue.send(
      new CreateCrawlerCommand({
        Name,
        Role: 'r',
        DatabaseName: 'shop',
        Targets,
        Schedule: 'cron(15 3 ? * MON-FRI *)',
      }),
    );
    const shown = async () => (await glue.send(new GetCrawlerCommand({ Name }))).Crawler!.Schedule;
    expect(await shown()).toEqual({ ScheduleExpression: 'cron(15 3 ? * MON-FRI *)', State: 'SCHEDULED' });
    await glue.send(new StopCrawlerScheduleCommand({ CrawlerName: Name }));
    expect(await shown()).toMatchObject({ State: 'NOT_SCHEDULED' });
    const again = await failure(glue.send(new StopCrawlerScheduleCommand({ CrawlerName: Name })));
    expect(again).toBeInstanceOf(SchedulerNotRunningException);
    expect(again).not.toBeInstanceOf(ConcurrentModificationException);
    await glue.send(new StartCrawlerScheduleCommand({ CrawlerName: Name }));
    await glue.send(new UpdateCrawlerScheduleCommand({ CrawlerName: Name, Schedule: 'cron(0 1 1 * ? *)' }));
    expect(await shown()).toEqual({ ScheduleExpression: 'cron(0 1 1 * ? *)', State: 'SCHEDULED' });
    const odd = glue.send(new UpdateCrawlerScheduleCommand({ CrawlerName: Name, Schedule: 'cron(0 1 1 * 8 *)' }));
    expect(await failure(odd)).toBeInstanceOf(InvalidInputException);
    await glue.send(new UpdateCrawlerScheduleCommand({ CrawlerName: Name }));
    expect(await shown()).toBeUndefined();
  });
});
