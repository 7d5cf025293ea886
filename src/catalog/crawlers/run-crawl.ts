import type { RequestContext } from '../../core/caller.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import { classifyFolders } from './classify-folders.ts';
import { withTablePlaces } from './catalog-targets.ts';
import type { AbortReason, Crawl, CrawlerParts } from './crawler-parts.ts';
import { listFolders } from './list-folders.ts';
import type { StoredRun } from './rows.ts';
import crawlerStore from './store.ts';
import { writeTables } from './write-tables.ts';

const SHOWN_FAILURES = 3;

async function contextOf(parts: CrawlerParts, stored: StoredRun, signal: AbortSignal): Promise<RequestContext> {
  const { actsAs, requestId, sourceIp } = stored.caller;
  const principal = await parts.identities.principal(actsAs);
  if (principal === undefined) {
    throw new LochError(
      'access_denied',
      `Crawler \`${stored.definition.name}\` acts as \`${actsAs}\`, who is no more. Give it another role.`,
      { context: { principal: actsAs } },
    );
  }
  return {
    requestId,
    principal,
    accountId: parts.accountId,
    region: parts.region,
    door: 'internal',
    sourceIp,
    userAgent: `crawler/${stored.definition.name}`,
    secure: true,
    signal,
    startedAt: stored.run.startedAt,
  };
}

/**
 * Runs a crawl from its durable phase to its end: LISTING → CLASSIFYING → WRITING → DONE. When the process closes, the
 * run stays where it is and a restart calls this again.
 */
export async function runCrawl(parts: CrawlerParts, runId: string, signal: AbortSignal): Promise<void> {
  const { procedures } = crawlerStore;
  const finish = (state: 'COMPLETED' | 'FAILED' | 'STOPPED', error?: string) =>
    parts.store.write(procedures.finishRun, {
      id: runId,
      state,
      at: parts.clock.now(),
      ...(error === undefined ? {} : { error }),
    });
  try {
    const load = async () => withTablePlaces(parts, await parts.store.read(procedures.run, { id: runId }));
    let stored = await load();
    if (stored.stopping) return void (await finish('STOPPED'));
    const context = await contextOf(parts, stored, signal);
    const crawl = (): Crawl => ({ stored, context, signal });
    const enter = async (phase: 'CLASSIFYING' | 'WRITING') => {
      await parts.store.write(procedures.enterPhase, { id: runId, phase });
      stored = await load();
    };
    if (stored.run.phase === 'LISTING') {
      await listFolders(parts, crawl());
      await enter('CLASSIFYING');
    }
    if (stored.run.phase === 'CLASSIFYING') {
      await classifyFolders(parts, crawl());
      await enter('WRITING');
    }
    const failures = await writeTables(parts, crawl());
    if (failures.length === 0) {
      const { definition, run } = stored;
      const args = { crawler: definition.name, until: run.startedAt };
      await parts.store.write(procedures.dropArrivals, args);
      return void (await finish('COMPLETED'));
    }
    const more = failures.length > SHOWN_FAILURES ? ` … and ${failures.length - SHOWN_FAILURES} more.` : '';
    await finish('FAILED', `${failures.slice(0, SHOWN_FAILURES).join(' ')}${more}`);
  } catch (error) {
    if (signal.aborted && (signal.reason as AbortReason) === 'closing') return;
    if (signal.aborted) await finish('STOPPED');
    else await finish('FAILED', toLochError(error).message);
  }
}
