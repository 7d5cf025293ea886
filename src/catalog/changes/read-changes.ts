import { LochError } from '../../core/errors.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { changeOfEvent } from './change-of-event.ts';
import type { CatalogChange, CatalogChanges } from './contract.ts';

const DEFAULT_LIMIT = 100;
const MOST = 1_000;
const BATCH = 1_000;
/** Events that one call looks through: it then answers with what it has and where it stands. */
const MOST_EVENTS = 20_000;

/** The feed over the outbox. **Cost**: grows with the events since the cursor, bounded for one call. */
export const readChanges =
  (parts: CatalogParts): CatalogChanges['read'] =>
  async (context, options = {}) => {
    const limit = options.limit ?? DEFAULT_LIMIT;
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
      throw new LochError('invalid_argument', `The limit is ${limit}; it must be 1 to ${MOST}.`);
    }
    const cursor = options.after ?? '0';
    if (!/^\d{1,15}$/.test(cursor)) {
      throw new LochError('invalid_argument', `\`${cursor}\` is no cursor. Take that of the last answer, or none.`);
    }
    await parts.policy.authorize(context, {
      action: 'glue:GetTables',
      resource: `arn:aws:glue:${parts.region}:${parts.accountId}:catalog`,
    });
    const visible = await parts.policy.visibleTables(context);
    const changes: CatalogChange[] = [];
    let position = Number(cursor);
    for (let looked = 0; looked < MOST_EVENTS && changes.length < limit; ) {
      const events = await parts.store.readOutbox(position, BATCH);
      assertKept(position, events[0]?.sequence);
      for (const event of events) {
        position = event.sequence;
        const change = changeOfEvent(event, parts);
        if (change === undefined) continue;
        const { databaseName: database, tableName, changedTables } = change.detail;
        const table = tableName ?? changedTables?.[0];
        const seen = table === undefined ? visible.database(database) : visible.table({ database, table });
        if (seen) changes.push(change);
        if (changes.length >= limit) break;
      }
      looked += events.length;
      if (events.length < BATCH) break;
    }
    return { changes, cursor: String(position) };
  };

/** Numbers have no holes: a jump behind a cursor means that the events between were removed. **Errors**: `invalid_argument`. */
function assertKept(position: number, next: number | undefined): void {
  if (position === 0 || next === undefined || next === position + 1) return;
  throw new LochError(
    'invalid_argument',
    `The changes after cursor \`${position}\` are not kept any more: they stay for 7 days. Read the catalog anew, and go on from cursor \`${next - 1}\`.`,
    { context: { cursor: String(position), oldest: String(next - 1) } },
  );
}
