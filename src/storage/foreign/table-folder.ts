/** The folder of a table on the object store: listing, reading, and that nothing outside of it is named. */
import type { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import type { ObjectStore } from '../contract.ts';
import { parseS3Uri } from '../s3-uri.ts';

export type FolderObjects = Pick<ObjectStore, 'get' | 'list'>;

export interface FolderEntry {
  /** Relative to the table's folder. */
  readonly path: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
}

const PAGE = 1_000;

/** A table's folder; what it lists and reads is relative to it. */
export class TableFolder {
  readonly location: string;
  readonly #objects: FolderObjects;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(objects: FolderObjects, location: string) {
    this.#objects = objects;
    const { bucket, key } = parseS3Uri(location);
    this.#bucket = bucket;
    const folder = key.replace(/\/+$/, '');
    this.#prefix = folder === '' ? '' : `${folder}/`;
    this.location = `s3://${bucket}/${folder}`;
  }

  /** Objects below `path` (relative), after `after` (relative), in order. */
  async *list(path: string, after?: string): AsyncGenerator<FolderEntry> {
    let startAfter = after === undefined ? undefined : `${this.#prefix}${after}`;
    do {
      const page = await this.#objects.list(this.#bucket, {
        prefix: `${this.#prefix}${path}`,
        maxKeys: PAGE,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      for (const { key, size, etag, lastModified } of page.objects) {
        yield { path: key.slice(this.#prefix.length), size, etag, lastModified };
      }
      startAfter = page.next;
    } while (startAfter !== undefined);
  }

  /** All bytes of an object, which may not be more than `limit`. **Errors**: `object_not_found`, `limit_exceeded`. */
  async read(path: string, limit: number): Promise<Buffer> {
    const { body, head } = await this.#objects.get(this.#bucket, `${this.#prefix}${path}`);
    if (head.size > limit) {
      body.destroy();
      throw new LochError(
        'limit_exceeded',
        `\`${this.location}/${path}\` has ${head.size} bytes; files of a log may have ${limit}.`,
        { context: { path } },
      );
    }
    return collect(body);
  }

  /** Bytes `first` to before `end`. */
  async readRange(path: string, first: number, end: number): Promise<Buffer> {
    const { body } = await this.#objects.get(this.#bucket, `${this.#prefix}${path}`, {
      range: { first, last: end - 1 },
    });
    return collect(body);
  }

  /**
   * The path (relative) of a file that a log names: relative already, or an address under the table's own location.
   * **Errors**: `unsupported` for one that lies elsewhere.
   */
  own(named: string): string {
    const relative = /^[a-z][a-z0-9+.-]*:\/\//i.test(named) ? this.#relative(named) : named;
    if (relative === undefined || relative.startsWith('/') || relative.split('/').includes('..')) {
      throw new LochError(
        'unsupported',
        `The log of \`${this.location}\` names the file \`${named.slice(0, 300)}\`, which lies outside of the table. Shallow clones and moved tables are not read.`,
        { context: { location: this.location } },
      );
    }
    return relative;
  }

  address(relative: string): string {
    return `${this.location}/${relative}`;
  }

  #relative(address: string): string | undefined {
    const folded = address.replace(/^s3[an]:/, 's3:');
    return folded.startsWith(`${this.location}/`) ? folded.slice(this.location.length + 1) : undefined;
  }
}

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
