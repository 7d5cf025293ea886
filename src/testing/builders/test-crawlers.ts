import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { CrawlerRun, Crawlers } from '../../catalog/contract.ts';

/** Crawlers that find nothing, each crawl ended by the test (`end`) or at once when nothing holds it. */
export function testCrawlers() {
  const runs = new Map<
    string,
    { crawler: string; over: Promise<CrawlerRun>; end: (state: CrawlerRun['state']) => void }
  >();
  const running = new Map<string, string>();
  const started: string[] = [];
  const hold = new Set<string>();
  const crawlers = {
    async start(_: unknown, name: string) {
      const before = running.get(name);
      if (before !== undefined)
        throw new LochError('concurrent_run', `\`${name}\` runs.`, { context: { crawler: name } });
      const id = newId();
      started.push(name);
      running.set(name, id);
      let end: (state: CrawlerRun['state']) => void = () => {};
      const over = new Promise<CrawlerRun>((resolve) => {
        end = (state) => {
          running.delete(name);
          resolve({
            id,
            state,
            startedAt: 0,
            error: state === 'FAILED' ? 'no such bucket' : undefined,
          } as unknown as CrawlerRun);
        };
      });
      runs.set(id, { crawler: name, over, end });
      if (!hold.has(name)) end('COMPLETED');
      return { id, state: 'RUNNING' } as CrawlerRun;
    },
    get: async (_: unknown, name: string) => ({ name, lastRun: { id: running.get(name), state: 'RUNNING' } }),
    stop: async (_: unknown, name: string) => runs.get(running.get(name) ?? '')?.end('STOPPED'),
    wait: async (id: string) => {
      const run = runs.get(id);
      if (run === undefined) throw new LochError('not_found', `No crawl \`${id}\`.`);
      return run.over;
    },
  } as unknown as Crawlers;
  return {
    crawlers,
    started,
    hold,
    end(name: string, state: CrawlerRun['state']) {
      runs.get(running.get(name) ?? '')?.end(state);
    },
  };
}
