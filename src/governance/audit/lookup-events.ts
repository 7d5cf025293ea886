import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import { LOOKUP_ATTRIBUTE_KEYS, type LookupAttribute, type LookupQuery, type Trail } from './contract.ts';
import { trailEvent } from './event-records.ts';
import { pageToken, readPageToken } from './page-token.ts';
import auditModule, { type ManagementQuery } from './store.ts';
import { pageSize, timeRange, type TrailDeps } from './trail-deps.ts';

const MOST_EVENTS = 50;

type Filters = Omit<ManagementQuery, 'start' | 'end' | 'before' | 'limit'>;

const FILTER_OF: Readonly<Record<string, (value: string) => Filters>> = {
  EventId: (eventId) => ({ eventId }),
  EventName: (name) => ({ name }),
  ReadOnly: (text) => ({ readOnly: readOnlyOf(text) }),
  Username: (username) => ({ username }),
  ResourceType: (resourceType) => ({ resourceType }),
  ResourceName: (resourceName) => ({ resourceName }),
  EventSource: (source) => ({ source }),
  AccessKeyId: (accessKey) => ({ accessKey }),
};

function readOnlyOf(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new LochError('invalid_argument', `ReadOnly is \`true\` or \`false\`, not \`${text}\`.`, {
    context: { argument: 'LookupAttributes' },
  });
}

function filterOf({ key, value }: LookupAttribute): Filters {
  const make = Object.hasOwn(FILTER_OF, key) ? FILTER_OF[key] : undefined;
  if (make !== undefined && typeof value === 'string') return make(value);
  const near = nearestNames(key, LOOKUP_ATTRIBUTE_KEYS, 1)[0];
  throw new LochError(
    'invalid_argument',
    `\`${key}\` is not a lookup attribute with a text value.${near === undefined ? '' : ` Did you mean ${near}?`} Known: ${LOOKUP_ATTRIBUTE_KEYS.join(', ')}.`,
    { context: { argument: 'LookupAttributes' } },
  );
}

/** The use-case behind LookupEvents. */
export function lookupEvents(deps: TrailDeps): Trail['lookupEvents'] {
  return async (context, query: LookupQuery) => {
    const max = pageSize(query.max, MOST_EVENTS, MOST_EVENTS);
    const range = timeRange(query, deps.clock.now());
    const filters: Filters = Object.assign({}, ...(query.attributes ?? []).map(filterOf));
    const question = [query.attributes ?? [], query.start ?? null, query.end ?? null];
    const before = query.nextToken === undefined ? undefined : readPageToken(query.nextToken, question);
    await deps.authorize(context, { action: 'cloudtrail:LookupEvents', resource: '*' });
    const rows = await deps.store.read(auditModule.procedures.management, {
      ...filters,
      ...range,
      ...(before === undefined ? {} : { before }),
      limit: max + 1,
    });
    const events = rows.slice(0, max).map(trailEvent);
    return rows.length > max ? { events, nextToken: pageToken(events.at(-1)!.sequence, question) } : { events };
  };
}
