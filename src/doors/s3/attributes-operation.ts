import { LochError } from '../../core/errors.ts';
import type { ObjectHead } from '../../storage/contract.ts';
import { xmlAnswer } from './answer.ts';
import { versionNameOf } from './attribute-operations.ts';
import { checksumElements } from './checksum-headers.ts';
import { readEncryption } from './encryption-headers.ts';
import { header, type S3Operation, type S3Request } from './request.ts';
import { versionHeaders } from './version-headers.ts';
import { renderXml, type XmlRecord } from './xml.ts';

const KNOWN = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;
const MAX_PARTS = 1000;

/** GetObjectAttributes. **Source**: Amazon S3 API Reference, "GetObjectAttributes". */
export const getObjectAttributes: S3Operation = async (request) => {
  const wanted = wantedAttributes(request);
  const { access, context } = request;
  const name = versionNameOf(request);
  const head = await access.readAttributes(context, 'GetObjectAttributes', name, readEncryption(request));
  const { checksums } = head;
  return xmlAnswer(
    renderXml('GetObjectAttributesResponse', {
      ETag: wanted.has('ETag') ? head.etag.replaceAll('"', '') : undefined,
      Checksum: wanted.has('Checksum') && Object.keys(checksums).length > 0 ? checksumElements(checksums) : undefined,
      ObjectParts: wanted.has('ObjectParts') ? await partsOf(request, head) : undefined,
      StorageClass: wanted.has('StorageClass') ? (head.attributes.storageClass ?? 'STANDARD') : undefined,
      ObjectSize: wanted.has('ObjectSize') ? head.size : undefined,
    }),
    { 'last-modified': new Date(head.lastModified).toUTCString(), ...versionHeaders(head) },
  );
};

function wantedAttributes(request: S3Request): ReadonlySet<string> {
  const text = header(request, 'x-amz-object-attributes') ?? '';
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = names.find((name) => !(KNOWN as readonly string[]).includes(name));
  if (names.length > 0 && unknown === undefined) return new Set(names);
  throw new LochError('invalid_argument', `Invalid attribute name specified. Known: ${KNOWN.join(', ')}.`, {
    context: { argument_name: 'x-amz-object-attributes', argument_value: unknown ?? text },
  });
}

/** The parts of a multipart object, a page of them; an object that was put in one piece has none. */
async function partsOf(request: S3Request, head: ObjectHead): Promise<XmlRecord | undefined> {
  if (head.partSizes === undefined) return undefined;
  const max = Math.min(numberHeader(request, 'x-amz-max-parts', MAX_PARTS), MAX_PARTS);
  const after = numberHeader(request, 'x-amz-part-number-marker', 0);
  const name = { bucket: head.bucket, key: head.key, versionId: head.versionId };
  const parts = await request.access.objectParts(request.context, name, { after, max: max + 1 });
  const shown = parts.slice(0, max);
  return {
    TotalPartsCount: head.partSizes.reduce((sum, [, count]) => sum + count, 0),
    PartsCount: head.partSizes.reduce((sum, [, count]) => sum + count, 0),
    PartNumberMarker: after,
    NextPartNumberMarker: shown.at(-1)?.partNumber ?? 0,
    MaxParts: max,
    IsTruncated: parts.length > max,
    Part: shown.map(({ partNumber, size, checksums }) => {
      const { ChecksumType: _, ...elements } = checksumElements(checksums);
      return { PartNumber: partNumber, Size: size, ...elements };
    }),
  };
}

function numberHeader(request: S3Request, name: string, fallback: number): number {
  const text = header(request, name);
  if (text === undefined) return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new LochError('invalid_argument', `\`${name}\` must be a whole number, not \`${text}\`.`, {
    context: { argument_name: name, argument_value: text },
  });
}
