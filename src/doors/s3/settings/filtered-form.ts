/**
 * Configurations that name a part of a bucket, of which it has many: of analytics and of request metrics.
 * **Source**: Amazon S3 API Reference, "PutBucketAnalyticsConfiguration", "PutBucketMetricsConfiguration".
 */
import { LochError } from '../../../core/errors.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import type { S3Operation, S3Request } from '../request.ts';
import { childText, renderXml, type XmlElement, type XmlRecord } from '../xml.ts';
import { notSet, readSettingDocument } from './setting-form.ts';

type Filtered = BucketSetting<'metrics'>;
type Kind = 'analytics' | 'metrics';

const PAGE = 100;
/** Beside the filter, each of its kind says no more than this. */
const REST: Readonly<Record<Kind, XmlRecord>> = { analytics: { StorageClassAnalysis: {} }, metrics: {} };
const ROOTS: Readonly<Record<Kind, string>> = { analytics: 'AnalyticsConfiguration', metrics: 'MetricsConfiguration' };

const child = (element: XmlElement, name: string): XmlElement | undefined =>
  element.children.find((each) => each.name === name);

/** **Errors**: `malformed_request`; `unsupported` for exports, which nobody would write. */
function read(document: XmlElement): Filtered {
  const filter = child(document, 'Filter');
  const conditions = filter === undefined ? undefined : (child(filter, 'And') ?? filter);
  if ((filter?.children.length ?? 0) > 1) {
    throw new LochError('malformed_request', 'A Filter holds one of Prefix, Tag and And.');
  }
  const analysis = child(document, 'StorageClassAnalysis');
  if (analysis !== undefined && child(analysis, 'DataExport') !== undefined) {
    throw new LochError('unsupported', 'DataExport is not supported by Loch: nothing would be exported. Leave it out.');
  }
  if (conditions !== undefined && child(conditions, 'AccessPointArn') !== undefined) {
    throw new LochError('unsupported', 'Metrics by AccessPointArn are not supported by Loch. Filter by Prefix or Tag.');
  }
  const prefix = conditions === undefined ? undefined : childText(conditions, 'Prefix');
  const tags = (conditions?.children ?? [])
    .filter(({ name }) => name === 'Tag')
    .map((tag) => ({ key: childText(tag, 'Key') ?? '', value: childText(tag, 'Value') ?? '' }));
  return {
    id: childText(document, 'Id') ?? '',
    filtered: filter !== undefined,
    ...(prefix === undefined ? {} : { prefix }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

function write(kind: Kind, { id, filtered, prefix, tags = [] }: Filtered): XmlRecord {
  const content: XmlRecord = { Prefix: prefix, Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
  const several = tags.length + (prefix === undefined ? 0 : 1) > 1;
  return { Id: id, ...(filtered ? { Filter: several ? { And: content } : content } : {}), ...REST[kind] };
}

/** **Errors**: `invalid_argument`. */
function idOf({ query }: Pick<S3Request, 'query'>): string {
  const id = query.get('id') ?? '';
  if (id !== '') return id;
  throw new LochError('invalid_argument', 'The request needs the `id` of a configuration.');
}

const getOne =
  (kind: Kind): S3Operation =>
  async (request) => {
    const { settings, context, bucket } = request;
    const value = await settings.get(context, { bucket, kind, id: idOf(request) });
    if (value === undefined) throw notSet('NoSuchConfiguration', bucket);
    return xmlAnswer(renderXml(ROOTS[kind], write(kind, value)));
  };

const putOne =
  (kind: Kind): S3Operation =>
  async (request) => {
    const { settings, context, bucket } = request;
    const id = idOf(request);
    const value = read(await readSettingDocument(request, ROOTS[kind]));
    if (value.id !== id) {
      throw new LochError(
        'invalid_argument',
        `The Id of the document is \`${value.id}\`, that of the request \`${id}\`.`,
      );
    }
    await settings.put(context, { bucket, kind, id }, value);
    return emptyAnswer(200);
  };

const deleteOne =
  (kind: Kind): S3Operation =>
  async (request) => {
    const { settings, context, bucket } = request;
    await settings.remove(context, { bucket, kind, id: idOf(request) });
    return emptyAnswer(204);
  };

/** A hundred at a time, by id. */
const listAll =
  (kind: Kind): S3Operation =>
  async ({ settings, context, bucket, query }) => {
    const token = query.get('continuation-token') ?? '';
    const left = (await settings.list(context, { bucket, kind })).filter(({ id }) => id > token);
    const page = left.slice(0, PAGE);
    const more = left.length > PAGE;
    return xmlAnswer(
      renderXml(`List${ROOTS[kind]}sResult`, {
        IsTruncated: more,
        ContinuationToken: token === '' ? undefined : token,
        NextContinuationToken: more ? page.at(-1)!.id : undefined,
        [ROOTS[kind]]: page.map(({ value }) => write(kind, value)),
      }),
    );
  };

/** The operation on configurations of a kind that a request asks for. */
export function filteredRoute(
  kind: Kind,
  method: string,
  query: URLSearchParams,
): readonly [name: string, run: S3Operation] | undefined {
  const name = `Bucket${ROOTS[kind]}`;
  if (method === 'PUT') return [`Put${name}`, putOne(kind)];
  if (method === 'DELETE') return [`Delete${name}`, deleteOne(kind)];
  if (method !== 'GET') return undefined;
  return query.has('id') ? [`Get${name}`, getOne(kind)] : [`List${name}s`, listAll(kind)];
}
