import type { NotificationConfiguration, NotificationTarget } from './configuration.ts';
import { covers } from './event-names.ts';

/** The targets of a bucket that are to be told of this event of this key. */
export function matchTargets(
  configuration: NotificationConfiguration,
  event: { readonly name: string; readonly key: string },
): readonly NotificationTarget[] {
  return configuration.targets.filter(
    ({ events, prefix = '', suffix = '' }) =>
      event.key.startsWith(prefix) && event.key.endsWith(suffix) && events.some((asked) => covers(asked, event.name)),
  );
}
