import type { Crawlers } from '../catalog/contract.ts';
import { LochError } from '../core/errors.ts';

const pending = (what: string) => async (): Promise<never> => {
  throw new LochError('unsupported', `${what} are not part of this version yet.`);
};

/** Parts that are on their way; each answers by name that it is not there. */
const crawl = pending('Crawlers');
export const pendingCrawlers: Crawlers = {
  create: crawl,
  get: crawl,
  list: async () => [],
  update: crawl,
  delete: crawl,
  start: crawl,
  stop: crawl,
  runs: crawl,
  wait: crawl,
} as Crawlers;
