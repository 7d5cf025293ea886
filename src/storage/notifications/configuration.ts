/**
 * Whom a bucket tells of its changes: the form, and every check S3 makes before it takes one.
 * **Source**: Amazon S3 API Reference, "PutBucketNotificationConfiguration".
 */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';
import { EVENT_NAMES, overlap } from './event-names.ts';

const target = z.strictObject({
  id: z.string(),
  /** What S3 calls it: that decides the element it is written in. */
  kind: z.enum(['topic', 'queue', 'function']),
  arn: z.string().min(1),
  events: z.array(z.enum(EVENT_NAMES)).min(1),
  prefix: z.string().optional(),
  suffix: z.string().optional(),
});

/** What `BucketSettings` keeps under `notification`. */
export const notificationSchema = z.strictObject({
  targets: z.array(target).max(100),
  /** The rules inside Loch see every change of a bucket; this says so to clients that ask. */
  eventBridge: z.boolean(),
  /** In whose name streams are written to: whoever set it. Never shown. */
  setBy: z.string().optional(),
});

export type NotificationConfiguration = z.infer<typeof notificationSchema>;
export type NotificationTarget = NotificationConfiguration['targets'][number];

const MAX_ID = 255;
const MAX_FILTER_BYTES = 1024;

const argument = (message: string, name: string, value: string): LochError =>
  new LochError('invalid_argument', message, { context: { argument_name: name, argument_value: value } });

/** The configuration, checked as S3 does. **Errors**: `malformed_request`, `invalid_argument`. */
export function parseNotification(configuration: unknown): NotificationConfiguration {
  const parsed = notificationSchema.safeParse(configuration);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const at = issue.path.join('.');
    if (issue.path.includes('events')) {
      throw argument('The event is not supported for notifications.', 'Event', at);
    }
    throw new LochError('malformed_request', `The notification configuration at ${at}: ${issue.message}.`);
  }
  const { targets } = parsed.data;
  const ids = new Set<string>();
  for (const { id, prefix = '', suffix = '' } of targets) {
    if (id.length > MAX_ID) throw argument(`An Id has at most ${MAX_ID} characters.`, 'Id', id);
    if (ids.has(id)) throw argument('Same ID used for multiple configurations. IDs must be unique', 'Id', id);
    ids.add(id);
    for (const value of [prefix, suffix]) {
      if (Buffer.byteLength(value) > MAX_FILTER_BYTES) {
        throw argument(`A filter value has at most ${MAX_FILTER_BYTES} bytes.`, 'FilterRule.Value', value);
      }
    }
  }
  for (const [i, a] of targets.entries()) {
    for (const b of targets.slice(i + 1)) {
      if (collide(a, b)) {
        throw argument(
          `Configurations overlap. Configurations on the same bucket cannot share a common event type: \`${a.id}\` and \`${b.id}\`.`,
          'Id',
          b.id,
        );
      }
    }
  }
  return parsed.data;
}

/** Whether some change of some key would be told by both. */
function collide(a: NotificationTarget, b: NotificationTarget): boolean {
  const events = a.events.some((x) => b.events.some((y) => overlap(x, y)));
  return events && nested(a.prefix, b.prefix, 'startsWith') && nested(a.suffix, b.suffix, 'endsWith');
}

function nested(a = '', b = '', test: 'startsWith' | 'endsWith'): boolean {
  return a[test](b) || b[test](a);
}
