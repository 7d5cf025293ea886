import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Classifiers, CrawlerRun, Crawlers } from '../contract.ts';
import { GrokMatcher } from './classifiers/grok.ts';
import { CrawlEvents } from './crawl-events.ts';
import { CrawlScheduler } from './crawl-scheduler.ts';
import { CrawlQueue } from './crawl-queue.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import {
  authorizeCrawler,
  crawlerRuns,
  createCrawler,
  deleteCrawler,
  getCrawler,
  listCrawlers,
  setCrawlerSchedule,
  updateCrawler,
} from './keep-crawlers.ts';
import { classifierUseCases } from './keep-classifiers.ts';
import crawlerStore from './store.ts';

/** How many crawls run at once; more wait in the order they were started. */
const CRAWLS_AT_ONCE = 2;

/** Opens the crawlers and goes on with the runs that a stop of the process interrupted. */
export async function openCrawlers(
  given: Omit<CrawlerParts, 'matcher'>,
  onFailure: (error: unknown) => void,
): Promise<{ readonly crawlers: Crawlers; readonly classifiers: Classifiers; close(): Promise<void> }> {
  const matcher = new GrokMatcher();
  const parts: CrawlerParts = { ...given, matcher };
  const { store } = parts;
  const { procedures } = crawlerStore;
  const queue = new CrawlQueue(parts, CRAWLS_AT_ONCE);
  const startRun = async (crawler: string, caller: { readonly requestId: string; readonly sourceIp: string }) => {
    const run = await store.write(procedures.startRun, { id: newId(), crawler, caller, at: parts.clock.now() });
    queue.add(run.id);
    return run;
  };
  const scheduler = new CrawlScheduler(parts, {
    start: async (crawler) => {
      await startRun(crawler, { requestId: newId(), sourceIp: '127.0.0.1' });
    },
    onFailure,
  });
  const events = new CrawlEvents(parts, { arrived: () => scheduler.look(), onFailure });
  /** A change of a crawler may change what is due next. */
  const thenLook =
    <A extends unknown[], R>(change: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const result = await change(...args);
      scheduler.look();
      return result;
    };

  const waitFor = (runId: string, signal: AbortSignal): Promise<CrawlerRun> =>
    new Promise((resolve, reject) => {
      const look = () =>
        store.read(procedures.run, { id: runId }).then(({ run }) => {
          if (run.state === 'RUNNING') return;
          end();
          resolve(run);
        }, fail);
      const fail = (error: unknown) => {
        end();
        reject(error);
      };
      const abort = () =>
        fail(new LochError('statement_cancelled', `Waiting for crawler run \`${runId}\` was given up.`));
      const unsubscribe = store.onCommitted((events) => {
        const mine = events.some((event) => event.name === 'catalogCrawlerRunChanged' && event.payload.runId === runId);
        if (mine) void look();
      });
      const end = () => {
        unsubscribe();
        signal.removeEventListener('abort', abort);
      };
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      else void look();
    });

  const crawlers: Crawlers = {
    create: thenLook(createCrawler(parts)),
    update: thenLook(updateCrawler(parts)),
    delete: deleteCrawler(parts),
    get: getCrawler(parts),
    list: listCrawlers(parts),
    runs: crawlerRuns(parts),
    setSchedule: setCrawlerSchedule(parts, () => scheduler.look()),
    async start(context, name) {
      await authorizeCrawler(parts, context, 'StartCrawler', name);
      return startRun(name, { requestId: context.requestId, sourceIp: context.sourceIp });
    },
    async stop(context, name) {
      await authorizeCrawler(parts, context, 'StopCrawler', name);
      queue.stop(await store.write(procedures.requestStop, { crawler: name }));
    },
    wait: waitFor,
  };
  for (const id of await store.read(procedures.unfinishedRuns, {})) queue.add(id);
  await events.start();
  scheduler.look();
  return {
    crawlers,
    classifiers: classifierUseCases(parts),
    async close() {
      await events.close();
      await scheduler.close();
      await queue.close();
      await matcher.close();
    },
  };
}
