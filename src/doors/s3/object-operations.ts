import { pipeline } from 'node:stream/promises';
import { LochError } from '../../core/errors.ts';
import { getOptions, headHeaders, putOptions } from './headers.ts';
import { header, type S3Operation, type S3Request } from './request.ts';
import { openBody } from './request-body.ts';
import { renderXml, sendXml } from './xml.ts';

export const putObject: S3Operation = async (request) => {
  const body = openBody(request.incoming, request.signature);
  if (body.length === undefined && request.headers['transfer-encoding'] === undefined) {
    throw new LochError('missing_argument', 'A PUT needs Content-Length.', {
      context: { s3_code: 'MissingContentLength' },
    });
  }
  const head = await request.access.putObject(request.context, request, body.bytes, putOptions(request, body));
  request.response.writeHead(200, { etag: head.etag, 'content-length': 0, ...checksumHeaders(head.checksums) }).end();
};

/** The checksums of an object as response headers. */
export function checksumHeaders(checksums: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(checksums).map(([algorithm, value]) => [`x-amz-checksum-${algorithm}`, value]),
  );
}

export const getObject: S3Operation = async (request) => {
  const { head, body, range } = await request.access.getObject(request.context, request, getOptions(request));
  const headers = headHeaders(head, request);
  if (range === undefined) {
    request.response.writeHead(200, { ...headers, 'content-length': head.size });
  } else {
    request.response.writeHead(206, {
      ...headers,
      'content-length': range.last - range.first + 1,
      'content-range': `bytes ${range.first}-${range.last}/${head.size}`,
    });
  }
  await pipeline(body, request.response);
};

export const headObject: S3Operation = async (request) => {
  const options = getOptions(request);
  const head = await request.access.headObject(request.context, request, options);
  request.response.writeHead(200, { ...headHeaders(head, request), 'content-length': head.size }).end();
};

export const deleteObject: S3Operation = async (request) => {
  if (request.query.has('versionId')) {
    throw new LochError('unsupported', 'Versions are not kept yet: delete without versionId.', {
      context: { parameter: 'versionId' },
    });
  }
  await request.access.deleteObject(request.context, request);
  request.response.writeHead(204).end();
};

/** Bucket and key of `x-amz-copy-source`. */
export function copySource(request: S3Request): { readonly bucket: string; readonly key: string } {
  const text = header(request, 'x-amz-copy-source') ?? '';
  const [path = '', query] = text.split('?versionId=', 2);
  if (query !== undefined) throw new LochError('unsupported', 'Versions are not kept yet: copy without versionId.');
  const plain = decodeURIComponent(path).replace(/^\//, '');
  const slash = plain.indexOf('/');
  if (slash < 1 || slash === plain.length - 1) {
    throw new LochError('invalid_argument', `x-amz-copy-source \`${text}\` is not of the form bucket/key.`, {
      context: { argument_name: 'x-amz-copy-source' },
    });
  }
  return { bucket: plain.slice(0, slash), key: plain.slice(slash + 1) };
}

export const copyObject: S3Operation = async (request) => {
  const from = copySource(request);
  const directive = header(request, 'x-amz-metadata-directive') ?? 'COPY';
  const same = from.bucket === request.bucket && from.key === request.key;
  if (same && directive !== 'REPLACE') {
    throw new LochError(
      'missing_argument',
      'An object is copied onto itself only with x-amz-metadata-directive: REPLACE.',
    );
  }
  const { metadata, headers, contentType, ...rest } = putOptions(request);
  const replaced =
    directive === 'REPLACE'
      ? {
          ...(metadata && { metadata }),
          ...(headers && { headers }),
          ...(contentType === undefined ? {} : { contentType }),
        }
      : {};
  await checkCopyConditions(request, from);
  const head = await request.access.copyObject(request.context, from, request, { ...rest, ...replaced });
  sendXml(
    request,
    200,
    renderXml('CopyObjectResult', { LastModified: new Date(head.lastModified).toISOString(), ETag: head.etag }),
  );
};

async function checkCopyConditions(request: S3Request, from: { bucket: string; key: string }): Promise<void> {
  const ifMatch = header(request, 'x-amz-copy-source-if-match');
  const ifNoneMatch = header(request, 'x-amz-copy-source-if-none-match');
  if (ifMatch === undefined && ifNoneMatch === undefined) return;
  const { etag } = await request.access.headObject(request.context, from);
  const plain = (text: string) => text.replaceAll('"', '');
  const fails =
    (ifMatch !== undefined && plain(ifMatch) !== plain(etag)) ||
    (ifNoneMatch !== undefined && plain(ifNoneMatch) === plain(etag));
  if (fails)
    throw new LochError('precondition_failed', 'The source object is not as x-amz-copy-source-if-… asks.', {
      context: { etag },
    });
}
