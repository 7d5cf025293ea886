import type { Clock } from '../../core/clock.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Audit, Policy } from '../contract.ts';
import { createAppender } from './appender.ts';
import type { Trail } from './contract.ts';
import { dataEventRecord, dataRow, managementRow } from './event-records.ts';
import { explainRequest } from './explain-request.ts';
import { listDataEvents } from './list-data-events.ts';
import { lookupEvents } from './lookup-events.ts';
import auditModule from './store.ts';
import { RETENTION_MS } from './trail-deps.ts';
import { verifyChain } from './verify-chain.ts';

const TRIM_EVERY_MS = 60 * 60 * 1000;
const TRIM_STEP = 10_000;

export interface AuditPart extends Lifecycle {
  readonly audit: Audit;
  /** The questions about the record; they ask `authorize` themselves. */
  trail(authorize: Policy['authorize']): Trail;
  /** Removes events past the retention; answers how many. Also runs by itself every hour. */
  trim(): Promise<number>;
}

/** Opens the audit: durable records in the metadata store, kept 90 days. */
export function openAudit(deps: { readonly store: MetadataStore; readonly clock: Clock }): AuditPart {
  const { store, clock } = deps;
  const appender = createAppender(store);
  let closed = false;

  const trim = async () => {
    let removed = 0;
    for (let step = TRIM_STEP; step >= TRIM_STEP && !closed; removed += step) {
      step = await store.write(auditModule.procedures.trim, { before: clock.now() - RETENTION_MS, limit: TRIM_STEP });
    }
    return removed;
  };
  // A failed trim is no failure of a request; the next hour tries again, and a full disk shows in every append.
  const timer = setInterval(() => void trim().catch(() => undefined), TRIM_EVERY_MS).unref();

  return {
    audit: {
      recordManagement: (context, event) => appender.append([managementRow(context, event, clock.now())], []),
      async recordData(context, events) {
        if (events.length === 0) return;
        const now = clock.now();
        await appender.append(
          [],
          events.map((event) => dataRow(context, event, now)),
        );
      },
    },
    trail: (authorize) => ({
      lookupEvents: lookupEvents({ store, clock, authorize }),
      listDataEvents: listDataEvents({ store, clock, authorize }),
      explain: explainRequest({ store, clock, authorize }),
      exportDataEvents: async (after, limit) =>
        (await store.read(auditModule.procedures.dataAfter, { after, limit })).map(dataEventRecord),
      verify: verifyChain(store),
    }),
    trim,
    async close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
