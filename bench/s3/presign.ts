import { createHmac } from 'node:crypto';
import { sha256Hex, uriDecode } from '../../src/doors/kit/sigv4/index.ts';

/** Path and query of a presigned request for a key, valid for an hour. */
export type Presigner = (method: 'GET' | 'PUT', bucket: string, key: string) => string;

/** A presigner that derives its key once: a load generator must not be the slower side. Keys need no encoding. */
export function presigner(options: {
  readonly host: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}): Presigner {
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const date = amzDate.slice(0, 8);
  const scope = `${date}/${options.region}/s3/aws4_request`;
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  let key = hmac(`AWS4${options.secretAccessKey}`, date);
  for (const part of [options.region, 's3', 'aws4_request']) key = hmac(key, part);
  const query = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encodeURIComponent(`${options.accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${amzDate}`,
    'X-Amz-Expires=3600',
    'X-Amz-SignedHeaders=host',
  ].join('&');
  return (method, bucket, name) => {
    const path = `/${bucket}/${name}`;
    if (uriDecode(path) !== path) throw new TypeError(`the key ${name} needs encoding`);
    const canonical = `${method}\n${path}\n${query}\nhost:${options.host}\n\nhost\nUNSIGNED-PAYLOAD`;
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256Hex(canonical)}`).toString('hex');
    return `${path}?${query}&X-Amz-Signature=${signature}`;
  };
}
