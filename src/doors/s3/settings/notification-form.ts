/**
 * Notification configurations in S3's XML and back.
 * **Source**: Amazon S3 API Reference, "NotificationConfiguration".
 */
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import {
  type NotificationConfiguration,
  type NotificationTarget,
  parseNotification,
} from '../../../storage/contract.ts';
import type { SettingForm } from './setting-form.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';

/** Elements of each kind: the configuration's, and its target's. The last is how Lambda's was called first. */
const ELEMENTS: readonly (readonly [element: string, arn: string, kind: NotificationTarget['kind']])[] = [
  ['TopicConfiguration', 'Topic', 'topic'],
  ['QueueConfiguration', 'Queue', 'queue'],
  ['CloudFunctionConfiguration', 'CloudFunction', 'function'],
];

function filterOf(element: XmlElement): { prefix?: string; suffix?: string } {
  const keys = element.children.find(({ name }) => name === 'Filter')?.children.find(({ name }) => name === 'S3Key');
  const found: { prefix?: string; suffix?: string } = {};
  for (const rule of keys?.children.filter(({ name }) => name === 'FilterRule') ?? []) {
    const name = childText(rule, 'Name')?.toLowerCase();
    if (name !== 'prefix' && name !== 'suffix') {
      throw invalid('filter rule name must be either prefix or suffix', 'FilterRule.Name', name ?? '');
    }
    if (found[name] !== undefined) {
      throw invalid(`Cannot specify more than one ${name} rule in a filter.`, 'FilterRule.Name', name);
    }
    found[name] = childText(rule, 'Value') ?? '';
  }
  return found;
}

function invalid(message: string, name: string, value: string): LochError {
  return new LochError('invalid_argument', message, { context: { argument_name: name, argument_value: value } });
}

/** The configuration a document holds. **Errors**: `malformed_request`, `invalid_argument`. */
export function readNotification(document: XmlElement): unknown {
  const targets = ELEMENTS.flatMap(([element, arn, kind]) =>
    document.children
      .filter(({ name }) => name === element)
      .map((target) => ({
        id: childText(target, 'Id') || newId(),
        kind,
        arn: childText(target, arn) ?? '',
        events: target.children.filter(({ name }) => name === 'Event').map(({ text }) => text),
        ...filterOf(target),
      })),
  );
  return { targets, eventBridge: document.children.some(({ name }) => name === 'EventBridgeConfiguration') };
}

/** The document of a configuration, for `renderXml('NotificationConfiguration', …)`. */
export function renderNotification(configuration: NotificationConfiguration | undefined): XmlRecord {
  const { targets = [], eventBridge = false } = configuration ?? {};
  const content: Record<string, readonly XmlRecord[]> = {};
  for (const [element, arn, kind] of ELEMENTS) {
    content[element] = targets
      .filter((target) => target.kind === kind)
      .map((target) => ({ Id: target.id, [arn]: target.arn, Event: target.events, ...renderFilter(target) }));
  }
  return { ...content, EventBridgeConfiguration: eventBridge ? {} : undefined };
}

function renderFilter({ prefix, suffix }: NotificationTarget): XmlRecord {
  const rules = [
    ...(prefix === undefined ? [] : [{ Name: 'prefix', Value: prefix }]),
    ...(suffix === undefined ? [] : [{ Name: 'suffix', Value: suffix }]),
  ];
  return rules.length === 0 ? {} : { Filter: { S3Key: { FilterRule: rules } } };
}

export const notificationForm: SettingForm<'notification'> = {
  kind: 'notification',
  root: 'NotificationConfiguration',
  absent: {},
  write: renderNotification,
  read: (document) => parseNotification(readNotification(document)),
};
