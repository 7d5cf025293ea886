import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { CrawlerRun, Crawlers } from '../contract.ts';
import { CrawlQueue } from './crawl-queue.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import {
  authorizeCrawler,
  crawlerRuns,
  createCrawler,
  deleteCrawler,
  getCrawler,
  listCrawlers,
  updateCrawler,
} from './keep-crawlers.ts';
import crawlerStore from './store.ts';

/** How many crawls run at once; more wait in the order they were started. */
const CRAWLS_AT_ONCE = 2;

/** Opens the crawlers and goes on with the runs that a stop of the process interrupted. */
export async function openCrawlers(
  parts: CrawlerParts,
): Promise<{ readonly crawlers: Crawlers; close(): Promise<void> }> {
  const { store } = parts;
  const { procedures } = crawlerStore;
  const queue = new CrawlQueue(parts, CRAWLS_AT_ONCE);

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
    create: createCrawler(parts),
    update: updateCrawler(parts),
    delete: deleteCrawler(parts),
    get: getCrawler(parts),
    list: listCrawlers(parts),
    runs: crawlerRuns(parts),
    async start(context, name) {
      await authorizeCrawler(parts, context, 'StartCrawler', name);
      const run = await store.write(procedures.startRun, {
        id: newId(),
        crawler: name,
        caller: { requestId: context.requestId, sourceIp: context.sourceIp },
        at: parts.clock.now(),
      });
      queue.add(run.id);
      return run;
    },
    async stop(context, name) {
      await authorizeCrawler(parts, context, 'StopCrawler', name);
      queue.stop(await store.write(procedures.requestStop, { crawler: name }));
    },
    wait: waitFor,
  };
  for (const id of await store.read(procedures.unfinishedRuns, {})) queue.add(id);
  return { crawlers, close: () => queue.close() };
}
