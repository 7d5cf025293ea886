/** The use-cases that define crawlers: create, update, delete, look at. */
import { glueArn, iamArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { CrawlerRecord, Crawlers } from '../contract.ts';
import { glueAllows } from '../databases/access.ts';
import { storeCall } from '../../metadata/contract.ts';
import { removeTags } from '../settings/tags.ts';
import { checkCrawler } from './check-crawler.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import crawlerStore from './store.ts';

/** IAM on one crawler. */
export const authorizeCrawler = (parts: CrawlerParts, context: RequestContext, action: string, name: string) =>
  parts.policy.authorize(context, {
    action: `glue:${action}`,
    resource: glueArn(parts.region, parts.accountId, `crawler/${name}`),
  });

/**
 * Whom a crawler acts as: the role, once the caller may pass it. A role that identities do not know gives nobody's
 * rights, so the caller himself acts.
 */
async function actorOf(parts: CrawlerParts, context: RequestContext, role: string): Promise<string> {
  const arn = role.startsWith('arn:') ? role : iamArn(parts.accountId, `role/${role.replace(/^\/+/, '')}`);
  if (arn === context.principal.arn) return arn;
  if ((await parts.identities.principal(arn)) === undefined) return context.principal.arn;
  await parts.policy.authorize(context, {
    action: 'iam:PassRole',
    resource: arn,
    conditions: { 'iam:PassedToService': 'glue.amazonaws.com' },
  });
  return arn;
}

/** Defines a crawler. */
export const createCrawler =
  (parts: CrawlerParts): Crawlers['create'] =>
  async (context, input) => {
    const definition = checkCrawler(input);
    await authorizeCrawler(parts, context, 'CreateCrawler', definition.name);
    return parts.store.write(crawlerStore.procedures.createCrawler, {
      definition,
      actsAs: await actorOf(parts, context, definition.role),
      at: parts.clock.now(),
      by: context.principal.arn,
    });
  };

/** Changes what is given of a crawler that does not run. Whoever changes it decides anew whom it acts as. */
export const updateCrawler =
  (parts: CrawlerParts): Crawlers['update'] =>
  async (context, name, changes) => {
    await authorizeCrawler(parts, context, 'UpdateCrawler', name);
    const before = await parts.store.read(crawlerStore.procedures.crawler, { name });
    const definition = checkCrawler({ ...before, ...changes, name });
    return parts.store.write(crawlerStore.procedures.updateCrawler, {
      definition,
      actsAs: await actorOf(parts, context, definition.role),
      at: parts.clock.now(),
    });
  };

/** Forgets a crawler and its runs; its tables stay. */
export const deleteCrawler =
  (parts: CrawlerParts): Crawlers['delete'] =>
  async (context, name) => {
    await authorizeCrawler(parts, context, 'DeleteCrawler', name);
    await parts.store.transact([
      storeCall(crawlerStore.procedures.deleteCrawler, { name }),
      removeTags(glueArn(parts.region, parts.accountId, `crawler/${name}`)),
    ]);
  };

/** One crawler with its last run. */
export const getCrawler =
  (parts: CrawlerParts): Crawlers['get'] =>
  async (context, name) => {
    await authorizeCrawler(parts, context, 'GetCrawler', name);
    return parts.store.read(crawlerStore.procedures.crawler, { name });
  };

/** The crawlers that IAM shows the caller, by name. */
export const listCrawlers =
  (parts: CrawlerParts): Crawlers['list'] =>
  async (context) => {
    const shown: CrawlerRecord[] = [];
    for (const crawler of await parts.store.read(crawlerStore.procedures.crawlers, {})) {
      if (await glueAllows(parts, context, 'GetCrawlers', `crawler/${crawler.name}`)) shown.push(crawler);
    }
    if (shown.length === 0) await authorizeCrawler(parts, context, 'GetCrawlers', '*');
    return shown;
  };

/** The runs of a crawler, newest first. */
export const crawlerRuns =
  (parts: CrawlerParts): Crawlers['runs'] =>
  async (context, name) => {
    await authorizeCrawler(parts, context, 'ListCrawls', name);
    return parts.store.read(crawlerStore.procedures.runs, { crawler: name });
  };

/** Starts or stops the schedule of a crawler, whether it runs or not. */
export const setCrawlerSchedule =
  (parts: CrawlerParts, changed: () => void): NonNullable<Crawlers['setSchedule']> =>
  async (context, name, state) => {
    const action = state === 'SCHEDULED' ? 'StartCrawlerSchedule' : 'StopCrawlerSchedule';
    await authorizeCrawler(parts, context, action, name);
    await parts.store.write(crawlerStore.procedures.setSchedule, { name, state });
    changed();
  };
