/**
 * Lifecycle configurations in S3's XML and back.
 * **Source**: Amazon S3 API Reference, "LifecycleRule". Elements of ours stand where S3 has none: `DaysSinceLastAccess`.
 */
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import { type LifecycleConfiguration, type LifecycleRule, parseLifecycle } from '../../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import { header, type S3Operation } from '../request.ts';
import { notSet, readSettingDocument } from './setting-form.ts';
import { childText, renderXml, type XmlElement, type XmlRecord } from '../xml.ts';

const malformed = (message: string): LochError => new LochError('malformed_request', message);

const children = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child) => child.name === name);
const child = (element: XmlElement, name: string): XmlElement | undefined => children(element, name)[0];

function whole(element: XmlElement, name: string): number | undefined {
  const text = childText(element, name)?.trim();
  if (text === undefined) return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw malformed(`\`${name}\` must be a whole number, not \`${text}\`.`);
  return Number(text);
}

function date(element: XmlElement, name: string): number | undefined {
  const text = childText(element, name)?.trim();
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw malformed(`\`${name}\` must be a date of ISO 8601, not \`${text}\`.`);
  return at;
}

/** `content` without its undefined members: absent, not undefined, is what the schema takes. */
function present<T extends object>(content: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined)) as never;
}

function tagOf(element: XmlElement) {
  return { key: childText(element, 'Key') ?? '', value: childText(element, 'Value') ?? '' };
}

const PREDICATES = ['Prefix', 'Tag', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan'];

function conditions(element: XmlElement) {
  const tags = children(element, 'Tag').map(tagOf);
  return present({
    prefix: childText(element, 'Prefix'),
    tags: tags.length === 0 ? undefined : tags,
    sizeGreaterThan: whole(element, 'ObjectSizeGreaterThan'),
    sizeLessThan: whole(element, 'ObjectSizeLessThan'),
  });
}

/** The filter of a rule, and how it was written. **Errors**: `malformed_request` when it is written in none or two ways. */
function filterOf(rule: XmlElement): Pick<LifecycleRule, 'filter' | 'form'> {
  const filter = child(rule, 'Filter');
  const prefix = childText(rule, 'Prefix');
  if (filter === undefined) {
    if (prefix === undefined) throw malformed('A rule needs a Filter (or, as of old, a Prefix).');
    return { filter: { prefix }, form: 'prefix' };
  }
  if (prefix !== undefined) throw malformed('A rule has a Filter or a Prefix, not both.');
  const and = child(filter, 'And');
  const single = filter.children.filter(({ name }) => PREDICATES.includes(name));
  if (single.length + (and === undefined ? 0 : 1) > 1) {
    throw malformed('A Filter holds one of Prefix, Tag, ObjectSizeGreaterThan, ObjectSizeLessThan and And.');
  }
  if (and === undefined) return { filter: conditions(filter), form: 'filter' };
  if (and.children.length === 0) throw malformed('And holds no condition.');
  return { filter: conditions(and), form: 'and' };
}

function ruleOf(element: XmlElement): LifecycleRule {
  const status = childText(element, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') {
    throw malformed(`The Status of a rule is Enabled or Disabled, not \`${status ?? ''}\`.`);
  }
  const expiration = child(element, 'Expiration');
  const noncurrent = child(element, 'NoncurrentVersionExpiration');
  const abort = child(element, 'AbortIncompleteMultipartUpload');
  const id = childText(element, 'ID');
  const transitions = children(element, 'Transition').map((move) =>
    present({
      days: whole(move, 'Days'),
      date: date(move, 'Date'),
      daysSinceAccess: whole(move, 'DaysSinceLastAccess'),
      storageClass: childText(move, 'StorageClass') ?? '',
    }),
  );
  const noncurrentTransitions = children(element, 'NoncurrentVersionTransition').map((move) =>
    present({
      days: whole(move, 'NoncurrentDays'),
      newerVersions: whole(move, 'NewerNoncurrentVersions'),
      storageClass: childText(move, 'StorageClass') ?? '',
    }),
  );
  return present({
    id: id === undefined || id === '' ? newId() : id,
    enabled: status === 'Enabled',
    ...filterOf(element),
    expiration:
      expiration &&
      present({
        days: whole(expiration, 'Days'),
        date: date(expiration, 'Date'),
        daysSinceAccess: whole(expiration, 'DaysSinceLastAccess'),
        expiredDeleteMarker: markerFlag(expiration),
      }),
    transitions: transitions.length === 0 ? undefined : transitions,
    noncurrentExpiration:
      noncurrent &&
      present({
        days: whole(noncurrent, 'NoncurrentDays'),
        newerVersions: whole(noncurrent, 'NewerNoncurrentVersions'),
      }),
    noncurrentTransitions: noncurrentTransitions.length === 0 ? undefined : noncurrentTransitions,
    abortUploadsAfterDays: abort && (whole(abort, 'DaysAfterInitiation') ?? 0),
  }) as LifecycleRule;
}

function markerFlag(expiration: XmlElement): boolean | undefined {
  const text = childText(expiration, 'ExpiredObjectDeleteMarker');
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') {
    throw malformed(`ExpiredObjectDeleteMarker is true or false, not \`${text}\`.`);
  }
  return text === 'true';
}

/** The configuration a document holds, not yet checked beyond its form. **Errors**: `malformed_request`. */
export function readLifecycle(document: XmlElement, minimumSize?: string): LifecycleConfiguration {
  return parseLifecycle({
    rules: children(document, 'Rule').map(ruleOf),
    ...(minimumSize === undefined ? {} : { minimumSize }),
  });
}

const ROOT = 'LifecycleConfiguration';
const MINIMUM_SIZE = 'x-amz-transition-default-minimum-object-size';
const DEFAULT_MINIMUM = 'all_storage_classes_128K';
/** A thousand rules with all they may hold. **Units**: bytes. */
const DOCUMENT_LIMIT = 4 * 1024 * 1024;

export const getLifecycle: S3Operation = async ({ settings, context, bucket }) => {
  const value = await settings.get(context, { bucket, kind: 'lifecycle' });
  if (value === undefined) throw notSet('NoSuchLifecycleConfiguration', bucket);
  return xmlAnswer(renderXml(ROOT, renderLifecycle(value)), { [MINIMUM_SIZE]: value.minimumSize ?? DEFAULT_MINIMUM });
};

export const putLifecycle: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const document = await readSettingDocument(request, ROOT, DOCUMENT_LIMIT);
  const value = readLifecycle(document, header(request, MINIMUM_SIZE));
  await settings.put(context, { bucket, kind: 'lifecycle' }, value);
  return emptyAnswer(200, { [MINIMUM_SIZE]: value.minimumSize ?? DEFAULT_MINIMUM });
};

const isoDate = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();

function renderFilter({ filter, form }: LifecycleRule): XmlRecord {
  if (form === 'prefix') return { Prefix: filter.prefix ?? '' };
  const content: XmlRecord = {
    Prefix: filter.prefix,
    Tag: filter.tags?.map(({ key, value }) => ({ Key: key, Value: value })),
    ObjectSizeGreaterThan: filter.sizeGreaterThan,
    ObjectSizeLessThan: filter.sizeLessThan,
  };
  return { Filter: form === 'and' ? { And: content } : content };
}

/** The document of a configuration, for `renderXml('LifecycleConfiguration', …)`. */
export function renderLifecycle(configuration: LifecycleConfiguration): XmlRecord {
  return {
    Rule: configuration.rules.map((rule) => ({
      ID: rule.id,
      ...renderFilter(rule),
      Status: rule.enabled ? 'Enabled' : 'Disabled',
      Expiration: rule.expiration && {
        Days: rule.expiration.days,
        Date: isoDate(rule.expiration.date),
        DaysSinceLastAccess: rule.expiration.daysSinceAccess,
        ExpiredObjectDeleteMarker: rule.expiration.expiredDeleteMarker,
      },
      Transition: rule.transitions?.map((move) => ({
        Days: move.days,
        Date: isoDate(move.date),
        DaysSinceLastAccess: move.daysSinceAccess,
        StorageClass: move.storageClass,
      })),
      NoncurrentVersionExpiration: rule.noncurrentExpiration && {
        NoncurrentDays: rule.noncurrentExpiration.days,
        NewerNoncurrentVersions: rule.noncurrentExpiration.newerVersions,
      },
      NoncurrentVersionTransition: rule.noncurrentTransitions?.map((move) => ({
        NoncurrentDays: move.days,
        NewerNoncurrentVersions: move.newerVersions,
        StorageClass: move.storageClass,
      })),
      AbortIncompleteMultipartUpload:
        rule.abortUploadsAfterDays === undefined ? undefined : { DaysAfterInitiation: rule.abortUploadsAfterDays },
    })),
  };
}
