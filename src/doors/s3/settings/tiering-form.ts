/**
 * Intelligent-Tiering configurations, of which a bucket has many.
 * **Source**: Amazon S3 API Reference, "PutBucketIntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurations".
 */
import { LochError } from '../../../core/errors.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import type { S3Operation, S3Request } from '../request.ts';
import { childText, renderXml, type XmlElement, type XmlRecord } from '../xml.ts';
import { oneOf } from './plain-forms.ts';
import { notSet, readSettingDocument } from './setting-form.ts';

type Tiering = BucketSetting<'intelligentTiering'>;

const ROOT = 'IntelligentTieringConfiguration';
const KIND = 'intelligentTiering';
const PAGE = 100;

const malformed = (message: string): LochError => new LochError('malformed_request', message);
const children = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child) => child.name === name);

/** **Errors**: `malformed_request` for a filter that holds more than one condition without And. */
function readFilter(document: XmlElement): Tiering['filter'] {
  const [filter] = children(document, 'Filter');
  if (filter === undefined) return {};
  if (filter.children.length > 1) throw malformed('A Filter holds one of Prefix, Tag and And.');
  const conditions = children(filter, 'And')[0] ?? filter;
  const tags = children(conditions, 'Tag').map((tag) => ({
    key: childText(tag, 'Key') ?? '',
    value: childText(tag, 'Value') ?? '',
  }));
  const prefix = childText(conditions, 'Prefix');
  return { ...(prefix === undefined ? {} : { prefix }), ...(tags.length === 0 ? {} : { tags }) };
}

function read(document: XmlElement): Tiering {
  const days = (tiering: XmlElement): number => {
    const text = childText(tiering, 'Days')?.trim() ?? '';
    if (!/^\d{1,9}$/.test(text)) throw malformed(`\`Days\` must be a whole number, not \`${text}\`.`);
    return Number(text);
  };
  return {
    id: childText(document, 'Id') ?? '',
    enabled: oneOf('Status', ['Enabled', 'Disabled'] as const, childText(document, 'Status')) === 'Enabled',
    filter: readFilter(document),
    tierings: children(document, 'Tiering').map((tiering) => ({
      accessTier: oneOf(
        'AccessTier',
        ['ARCHIVE_ACCESS', 'DEEP_ARCHIVE_ACCESS'] as const,
        childText(tiering, 'AccessTier'),
      ),
      days: days(tiering),
    })),
  };
}

function write({ id, enabled, filter, tierings }: Tiering): XmlRecord {
  const { prefix, tags = [] } = filter;
  const content: XmlRecord = { Prefix: prefix, Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
  const conditions = tags.length + (prefix === undefined ? 0 : 1);
  return {
    Id: id,
    ...(conditions === 0 ? {} : { Filter: conditions === 1 ? content : { And: content } }),
    Status: enabled ? 'Enabled' : 'Disabled',
    Tiering: tierings.map(({ accessTier, days }) => ({ Days: days, AccessTier: accessTier })),
  };
}

/** The id a request is about. **Errors**: `invalid_argument`. */
function idOf({ query }: Pick<S3Request, 'query'>): string {
  const id = query.get('id') ?? '';
  if (id !== '') return id;
  throw new LochError('invalid_argument', 'The request needs the `id` of a configuration.');
}

export const getTiering: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const value = await settings.get(context, { bucket, kind: KIND, id: idOf(request) });
  if (value === undefined) throw notSet('NoSuchConfiguration', bucket);
  return xmlAnswer(renderXml(ROOT, write(value)));
};

export const putTiering: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const id = idOf(request);
  const value = read(await readSettingDocument(request, ROOT));
  if (value.id !== id) {
    throw new LochError(
      'invalid_argument',
      `The Id of the document is \`${value.id}\`, that of the request \`${id}\`.`,
    );
  }
  await settings.put(context, { bucket, kind: KIND, id }, value);
  return emptyAnswer(200);
};

export const deleteTiering: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  await settings.remove(context, { bucket, kind: KIND, id: idOf(request) });
  return emptyAnswer(204);
};

/** A hundred at a time, by id. */
export const listTiering: S3Operation = async ({ settings, context, bucket, query }) => {
  const token = query.get('continuation-token') ?? '';
  const left = (await settings.list(context, { bucket, kind: KIND })).filter(({ id }) => id > token);
  const page = left.slice(0, PAGE);
  const more = left.length > PAGE;
  return xmlAnswer(
    renderXml('ListBucketIntelligentTieringConfigurationsOutput', {
      IsTruncated: more,
      ContinuationToken: token === '' ? undefined : token,
      NextContinuationToken: more ? page.at(-1)!.id : undefined,
      IntelligentTieringConfiguration: page.map(({ value }) => write(value)),
    }),
  );
};
