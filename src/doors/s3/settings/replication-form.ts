/**
 * Replication configurations in S3's XML and back.
 * **Source**: Amazon S3 API Reference, "ReplicationConfiguration", "ReplicationRule", "Destination".
 */
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';
import { oneOf } from './plain-forms.ts';
import type { SettingForm } from './setting-form.ts';

type Replication = BucketSetting<'replication'>;
type Rule = Replication['rules'][number];

const STATUSES = ['Enabled', 'Disabled'] as const;
const TIME_CONTROL_MINUTES = '15';

const malformed = (message: string): LochError => new LochError('malformed_request', message);
const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((each) => each.name === name);

/** Whether an element says Enabled; undefined when it is absent. **Errors**: `malformed_request`. */
function enabled(element: XmlElement | undefined): boolean | undefined {
  return element === undefined ? undefined : oneOf('Status', STATUSES, childText(element, 'Status')) === 'Enabled';
}

const given = <K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: V };

function readFilter(filter: XmlElement): Pick<Rule, 'prefix' | 'tags'> {
  if (filter.children.length > 1) throw malformed('A Filter holds one of Prefix, Tag and And.');
  const conditions = child(filter, 'And') ?? filter;
  const tags = conditions.children
    .filter(({ name }) => name === 'Tag')
    .map((tag) => ({ key: childText(tag, 'Key') ?? '', value: childText(tag, 'Value') ?? '' }));
  return { ...given('prefix', childText(conditions, 'Prefix')), ...(tags.length === 0 ? {} : { tags }) };
}

function readDestination(element: XmlElement | undefined): Rule['destination'] {
  const bucket = childText(element ?? { name: '', children: [], text: '' }, 'Bucket');
  if (element === undefined || bucket === undefined) throw malformed('A Rule needs a Destination with a Bucket.');
  const time = child(element, 'ReplicationTime');
  const minutes = child(time, 'Time');
  if (minutes !== undefined && childText(minutes, 'Minutes') !== TIME_CONTROL_MINUTES) {
    throw malformed(`The Time of ReplicationTime is ${TIME_CONTROL_MINUTES} Minutes.`);
  }
  const translation = child(element, 'AccessControlTranslation');
  if (translation !== undefined) oneOf('Owner', ['Destination'] as const, childText(translation, 'Owner'));
  const encryption = child(element, 'EncryptionConfiguration');
  return {
    bucket,
    ...given('account', childText(element, 'Account')),
    ...given('storageClass', childText(element, 'StorageClass')),
    ...given('ownerOverride', translation === undefined ? undefined : true),
    ...given('kmsKeyId', encryption === undefined ? undefined : childText(encryption, 'ReplicaKmsKeyID')),
    ...given('timeControl', enabled(time)),
    ...given('metrics', enabled(child(element, 'Metrics'))),
  };
}

function readRule(rule: XmlElement): Rule {
  const filter = child(rule, 'Filter');
  const priority = childText(rule, 'Priority');
  if (filter !== undefined && priority === undefined) {
    throw new LochError('invalid_argument', 'Priority must be specified for a rule with a Filter.', {
      context: { s3_code: 'InvalidRequest' },
    });
  }
  if (priority !== undefined && !/^\d{1,10}$/.test(priority))
    throw malformed(`Priority is no number: \`${priority}\`.`);
  const prefix = childText(rule, 'Prefix');
  if (filter === undefined && prefix === undefined) throw malformed('A Rule needs a Filter (or, of old, a Prefix).');
  if (filter !== undefined && prefix !== undefined) throw malformed('A Rule has a Filter or a Prefix, not both.');
  const selection = child(rule, 'SourceSelectionCriteria');
  return {
    id: childText(rule, 'ID') || newId(),
    enabled: oneOf('Status', STATUSES, childText(rule, 'Status')) === 'Enabled',
    ...(filter === undefined ? given('prefix', prefix) : { priority: Number(priority), ...readFilter(filter) }),
    ...given('deleteMarkers', enabled(child(rule, 'DeleteMarkerReplication'))),
    ...given('existingObjects', enabled(child(rule, 'ExistingObjectReplication'))),
    ...given('kms', enabled(child(selection, 'SseKmsEncryptedObjects'))),
    ...given('replicaModifications', enabled(child(selection, 'ReplicaModifications'))),
    destination: readDestination(child(rule, 'Destination')),
  };
}

const status = (value: boolean | undefined): XmlRecord | undefined =>
  value === undefined ? undefined : { Status: value ? 'Enabled' : 'Disabled' };

function writeRule(rule: Rule): XmlRecord {
  const { prefix, tags = [], kms, replicaModifications, destination: to } = rule;
  const conditions: XmlRecord = { Prefix: prefix, Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
  const several = tags.length + (prefix === undefined ? 0 : 1) > 1;
  const selects = kms !== undefined || replicaModifications !== undefined;
  return {
    ID: rule.id,
    ...(rule.priority === undefined
      ? { Prefix: prefix ?? '' }
      : { Priority: rule.priority, Filter: several ? { And: conditions } : conditions }),
    Status: rule.enabled ? 'Enabled' : 'Disabled',
    SourceSelectionCriteria: selects
      ? { SseKmsEncryptedObjects: status(kms), ReplicaModifications: status(replicaModifications) }
      : undefined,
    ExistingObjectReplication: status(rule.existingObjects),
    DeleteMarkerReplication: status(rule.deleteMarkers),
    Destination: {
      Bucket: to.bucket,
      Account: to.account,
      StorageClass: to.storageClass,
      AccessControlTranslation: to.ownerOverride === true ? { Owner: 'Destination' } : undefined,
      EncryptionConfiguration: to.kmsKeyId === undefined ? undefined : { ReplicaKmsKeyID: to.kmsKeyId },
      ReplicationTime: to.timeControl === undefined ? undefined : { ...status(to.timeControl), Time: { Minutes: 15 } },
      Metrics:
        to.metrics === undefined
          ? undefined
          : { ...status(to.metrics), ...(to.timeControl === true ? { EventThreshold: { Minutes: 15 } } : {}) },
    },
  };
}

export const replicationForm: SettingForm<'replication'> = {
  kind: 'replication',
  root: 'ReplicationConfiguration',
  absent: 'ReplicationConfigurationNotFoundError',
  write: ({ role, rules }) => ({ Role: role, Rule: rules.map(writeRule) }),
  read: (document) => ({
    role: childText(document, 'Role') ?? '',
    rules: document.children.filter(({ name }) => name === 'Rule').map(readRule),
  }),
};
