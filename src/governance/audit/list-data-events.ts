import type { Trail } from './contract.ts';
import { dataEventRecord } from './event-records.ts';
import { pageToken, readPageToken } from './page-token.ts';
import auditModule from './store.ts';
import { pageSize, timeRange, type TrailDeps } from './trail-deps.ts';

/** The use-case that lists data events: who read or wrote what. */
export function listDataEvents(deps: TrailDeps): Trail['listDataEvents'] {
  return async (context, query) => {
    const { max: asked, nextToken, start: _start, end: _end, ...filters } = query;
    const max = pageSize(asked, 100, 1_000);
    const range = timeRange(query, deps.clock.now());
    const question = [filters, query.start ?? null, query.end ?? null];
    const before = nextToken === undefined ? undefined : readPageToken(nextToken, question);
    await deps.authorize(context, { action: 'cloudtrail:LookupEvents', resource: '*' });
    const rows = await deps.store.read(auditModule.procedures.data, {
      ...filters,
      ...range,
      ...(before === undefined ? {} : { before }),
      limit: max + 1,
    });
    const events = rows.slice(0, max).map(dataEventRecord);
    return rows.length > max ? { events, nextToken: pageToken(events.at(-1)!.sequence, question) } : { events };
  };
}
