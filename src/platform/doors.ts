import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { athenaService } from '../doors/aws/athena/service.ts';
import { cloudtrailService } from '../doors/aws/cloudtrail/service.ts';
import { firehoseService } from '../doors/aws/firehose/service.ts';
import { glueService } from '../doors/aws/glue/service.ts';
import { iamService } from '../doors/aws/iam/service.ts';
import { createAwsDoor } from '../doors/aws/index.ts';
import { kmsService } from '../doors/aws/kms/service.ts';
import { lakeformationService } from '../doors/aws/lakeformation/service.ts';
import { s3controlService } from '../doors/aws/s3control/service.ts';
import { stsService } from '../doors/aws/sts/service.ts';
import { type ApiEnvironment, createApiApp } from '../doors/console-api/app.ts';
import { bucketRoutes } from '../doors/console-api/routes/buckets.ts';
import { bundleRoutes } from '../doors/console-api/routes/bundles.ts';
import { catalogRoutes } from '../doors/console-api/routes/catalog.ts';
import { discoveryRoutes } from '../doors/console-api/routes/discovery.ts';
import { governanceRoutes } from '../doors/console-api/routes/governance.ts';
import { ingestionRoutes } from '../doors/console-api/routes/ingestion.ts';
import { keyRoutes } from '../doors/console-api/routes/keys.ts';
import { objectRoutes } from '../doors/console-api/routes/objects.ts';
import { operationsRoutes } from '../doors/console-api/routes/operations.ts';
import { followActivity, overviewRoutes } from '../doors/console-api/routes/overview.ts';
import { processingRoutes } from '../doors/console-api/routes/processing.ts';
import { queryRoutes } from '../doors/console-api/routes/queries.ts';
import { sessionRoutes } from '../doors/console-api/routes/session.ts';
import { upkeepRoutes } from '../doors/console-api/routes/upkeep.ts';
import { createSessions } from '../doors/console-api/session.ts';
import { createIcebergDoor } from '../doors/iceberg-rest/index.ts';
import { createS3Door } from '../doors/s3/index.ts';
import type { Parts } from './compose.ts';
import { bucketHosts, type Config } from './config.ts';
import { consoleFiles } from './console-files.ts';
import { healthRoutes } from './health.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Builds every door over the running parts. */
export function openDoors(deps: {
  readonly parts: Parts;
  readonly config: Config;
  readonly sessionKey: Uint8Array;
  readonly stopping: AbortSignal;
  readonly consoleUrl: () => string;
  readonly awsUrl: () => string;
}): {
  readonly aws: Handler;
  readonly s3: Handler;
  readonly iceberg: Handler;
  readonly own: Handler;
  createLink(accessKeyId: string): string;
} {
  const { parts, config } = deps;
  const { events, clock, catalog, crawlers, queries } = parts;
  const { identities, audit, trail, grants: lakeFormation } = parts.governance;
  const shared = { identities, audit, events, clock, accountId: config.account_id, region: config.region };
  const sessions = createSessions({ identities, clock, key: deps.sessionKey });
  const activity = followActivity(events, clock);
  const api = createApiApp({ ...shared, sessions }, [
    sessionRoutes({ sessions, consoleUrl: deps.consoleUrl }),
    overviewRoutes({
      activity,
      catalog,
      clock,
      startedAt: clock.now(),
      counts: (context) => overviewCounts(parts, context),
    }),
    catalogRoutes({ catalog, crawlers, queries }),
    discoveryRoutes(parts),
    queryRoutes({ queries }),
    processingRoutes(parts.processing),
    ingestionRoutes({ ...parts.ingestion, loader: parts.loader, stopping: deps.stopping }),
    governanceRoutes({
      identity: parts.governance.identity,
      accounts: parts.governance.accounts,
      lakeFormation,
      trail,
    }),
    keyRoutes({ keys: parts.governance.keys, keyImpact: parts.keyImpact }),
    bucketRoutes(parts.storage),
    objectRoutes({ access: parts.storage.access }),
    upkeepRoutes(parts.upkeep),
    operationsRoutes({ operations: parts.operations }),
    bundleRoutes({ bundles: parts.bundles }),
  ]);
  const app = new Hono<ApiEnvironment>();
  app.route('/', healthRoutes({ parts }));
  app.all('/api/*', (c) => api.fetch(c.req.raw, c.env));
  app.get('*', consoleFiles());
  return {
    aws: createAwsDoor({
      ...shared,
      services: [
        iamService(parts.governance.identity),
        stsService(parts.governance.identity),
        s3controlService(parts.upkeep),
        glueService({ ...parts, ...parts.processing }),
        lakeformationService(lakeFormation, catalog),
        kmsService(parts.governance.keys),
        cloudtrailService(trail),
        firehoseService(parts.ingestion.delivery),
        athenaService({ queries, catalog }),
      ],
    }),
    s3: createS3Door({
      accessPoints: parts.upkeep.accessPoints,
      accessLog: parts.accessLog,
      ...shared,
      ...parts.storage,
      accounts: parts.governance.accounts,
      customerKeysOverHttp: config.s3.customer_keys_over_http,
      bucketHosts: bucketHosts(config),
    }),
    iceberg: createIcebergDoor({
      ...shared,
      catalog,
      directory: parts.directory,
      tokenKey: deps.sessionKey,
      s3Endpoint: deps.awsUrl,
    }),
    own: getRequestListener(app.fetch) as unknown as Handler,
    createLink: (accessKeyId) => sessions.createLink(accessKeyId),
  };
}

/** Figures of the overview, each narrowed to what the caller may list; what he may not list counts as none. */
async function overviewCounts(parts: Parts, context: Parameters<Parts['catalog']['listDatabases']>[0]) {
  const allowed = async (action: string, resource: string) =>
    (await parts.governance.policy.decide(context, { action, resource })).allowed;
  const { delivery } = parts.ingestion;
  const streams = (await allowed('firehose:ListDeliveryStreams', '*')) ? await delivery.list(context) : [];
  const buckets = (await allowed('s3:ListAllMyBuckets', 'arn:aws:s3:::*')) ? await parts.objects.buckets() : [];
  const users = (await allowed('iam:ListUsers', '*')) ? await parts.governance.listPrincipals() : [];
  const { entries } = (await allowed('lakeformation:ListPermissions', '*'))
    ? await parts.governance.grants.listPermissions(context, { max: 1000 })
    : { entries: [] };
  return {
    streams: streams.length,
    waiting: streams.reduce((sum, name) => sum + delivery.backlog(name).records, 0),
    buckets: buckets.length,
    users: users.length,
    grants: entries.length,
  };
}
