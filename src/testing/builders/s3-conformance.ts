import { createHmac } from 'node:crypto';
import * as s3 from '@aws-sdk/client-s3';
import { canonicalUserId } from '../../core/canonical-user.ts';
import { openS3Lake, S3_LAKE, type S3Key, type S3Lake } from './s3-lake.ts';

const ALT = '222222222222';

/** Two accounts and nobody, at an S3 door whose new buckets take lists and block nothing: what public suites expect. */
export interface S3Conformance {
  readonly lake: S3Lake;
  readonly main: s3.S3Client;
  readonly alt: s3.S3Client;
  /** Signs nothing. */
  readonly nobody: s3.S3Client;
  readonly mainId: string;
  readonly altId: string;
  readonly mainKey: S3Key;
  readonly altKey: S3Key;
  /** A new bucket of main, with objects whose bodies are their keys. */
  bucket(options?: Partial<s3.CreateBucketCommandInput>, keys?: readonly string[]): Promise<string>;
  url(bucket: string, key?: string): string;
  close(): Promise<void>;
}

/** Opens it. */
export async function openS3Conformance(): Promise<S3Conformance> {
  const lake = await openS3Lake({ bucketDefaults: { objectOwnership: 'ObjectWriter', publicAccessBlock: false } });
  const { key: altKey } = await lake.account(ALT);
  const main = lake.client();
  let count = 0;
  return {
    lake,
    main,
    alt: lake.client(altKey),
    nobody: lake.client(lake.rootKey, { signer: { sign: async (request) => request } }),
    mainId: canonicalUserId(S3_LAKE.accountId),
    altId: canonicalUserId(ALT),
    mainKey: lake.rootKey,
    altKey,
    async bucket(options = {}, keys = []) {
      const Bucket = `conformance-${++count}`;
      await main.send(new s3.CreateBucketCommand({ Bucket, ...options }));
      for (const Key of keys) await main.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key }));
      return Bucket;
    },
    url: (bucket, key) => `${lake.endpoint}/${bucket}${key === undefined ? '' : `/${key}`}`,
    close: () => lake.close(),
  };
}

/** `done`, or status and code of the failure. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof s3.S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`;
    throw error;
  }
}

/** Status and code of a raw answer; the code is `-` when the body has none. */
export async function answerOf(response: Response): Promise<string> {
  const text = await response.text();
  return `${response.status} ${/<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '-'}`;
}

/** The fields of a form that is signed over `policy`, by Signature Version 2 as old pages do. */
export function signedFields(key: S3Key, policy: unknown): Record<string, string> {
  const text = Buffer.from(typeof policy === 'string' ? policy : JSON.stringify(policy)).toString('base64');
  const signature = createHmac('sha1', key.secretAccessKey).update(text).digest('base64');
  return { AWSAccessKeyId: key.accessKeyId, policy: text, signature };
}

/** Sends a form; the file comes last, under its name. */
export function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  file: { readonly body: string | Uint8Array; readonly name?: string } | undefined,
): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (file !== undefined) form.append('file', new Blob([file.body as string]), file.name ?? 'file');
  return fetch(url, { method: 'POST', body: form, redirect: 'manual' });
}
