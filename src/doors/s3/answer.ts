import type { Readable } from 'node:stream';
import type { DirectBody } from '../../storage/contract.ts';

/** What a request is answered with, before anything of it is sent. */
export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  /**
   * An XML document, the bytes of an object (their length stands in the headers), or a document that takes its time:
   * the connection is kept alive meanwhile, and a failure after that is told in the body.
   */
  readonly body?: string | (Readable & Partial<DirectBody>) | { readonly slow: Promise<string> };
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Readonly<Record<string, string | number>> = {}): S3Answer {
  return { status, headers };
}

/** An answer with an XML document. */
export function xmlAnswer(document: string, headers: Readonly<Record<string, string | number>> = {}): S3Answer {
  return { status: 200, headers, body: document };
}
