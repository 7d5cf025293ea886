import type { Clock } from '../core/clock.ts';
import { toLochError } from '../core/errors.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { MetadataStore } from '../metadata/contract.ts';

/** Events stay so long for who reads the feed of changes. **Source**: CAT-ALL-06. */
const KEPT_MS = 7 * 24 * 3_600_000;
const EVERY_MS = 3_600_000;
const FIRST_MS = 5 * 60_000;

/** Removes old events of the outbox by the hour, so that the database does not grow with all that ever happened. */
export function openOutboxUpkeep(deps: {
  readonly store: Pick<MetadataStore, 'trimOutbox'>;
  readonly clock: Clock;
  readonly onFailure: (error: Error) => void;
}): Lifecycle & { trimNow(): Promise<number> } {
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const trimNow = () => deps.store.trimOutbox(deps.clock.now() - KEPT_MS);
  const again = (after: number) => {
    timer = setTimeout(() => {
      running = trimNow().catch((error: unknown) => deps.onFailure(toLochError(error)));
      again(EVERY_MS);
    }, after);
    timer.unref();
  };
  again(FIRST_MS);
  return {
    trimNow,
    async close() {
      clearTimeout(timer);
      await running;
    },
  };
}
