import { hash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { ChecksumAlgorithm, PutOptions } from '../contract.ts';
import { CHECKSUM_ALGORITHMS, createDigest, type Digest } from '../checksums/digest.ts';

/** What a body turned out to be, after its expectations were verified. */
export interface Measured {
  readonly size: number;
  readonly md5: Buffer;
  /** Base64, of every algorithm that was asked for. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** Expectations on a body, as `PutOptions` state them. */
export type BodyExpectations = Pick<PutOptions, 'contentLength' | 'contentMd5' | 'checksums' | 'checksumAlgorithms'>;

/** Counts and hashes the bytes of one body, and verifies what the client said of them. */
export class BodyMeter {
  readonly #options: BodyExpectations;
  readonly #algorithms = new Set<ChecksumAlgorithm>();
  /** Made with the second chunk: most bodies have one, which is hashed in one call. */
  #running: { readonly md5: Digest; readonly checksums: ReadonlyMap<ChecksumAlgorithm, Digest> } | undefined;
  #first: Uint8Array | undefined;
  #size = 0;

  constructor(options: BodyExpectations) {
    this.#options = options;
    const stated = typeof options.checksums === 'object' ? Object.keys(options.checksums) : [];
    for (const name of [...stated, ...(options.checksumAlgorithms ?? [])]) {
      this.#algorithms.add(knownAlgorithm(name));
    }
  }

  /** **Errors**: `incomplete_body` as soon as there are more bytes than stated. */
  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    const { contentLength } = this.#options;
    if (contentLength !== undefined && this.#size > contentLength) {
      throw lengthMismatch(contentLength, `at least ${this.#size}`);
    }
    if (this.#first === undefined && this.#running === undefined) {
      this.#first = bytes;
      return;
    }
    const { md5, checksums } = this.#run();
    md5.update(bytes);
    for (const digest of checksums.values()) digest.update(bytes);
  }

  /** The running digests, with the first chunk in them. */
  #run() {
    if (this.#running !== undefined) return this.#running;
    const checksums = new Map([...this.#algorithms].map((algorithm) => [algorithm, createDigest(algorithm)]));
    this.#running = { md5: createDigest('md5'), checksums };
    if (this.#first !== undefined) {
      this.#running.md5.update(this.#first);
      for (const digest of checksums.values()) digest.update(this.#first);
    }
    this.#first = undefined;
    return this.#running;
  }

  /** MD5 and, in base64, the other checksums of everything. */
  #digests(): { readonly md5: Buffer; readonly computed: Record<string, string> } {
    const computed: Record<string, string> = {};
    if (this.#running === undefined && this.#algorithms.size === 0) {
      return { md5: hash('md5', this.#first ?? '', 'buffer'), computed };
    }
    const { md5, checksums } = this.#run();
    for (const [algorithm, digest] of checksums) computed[algorithm] = digest.digest().toString('base64');
    return { md5: md5.digest(), computed };
  }

  /** **Errors**: `incomplete_body`, `checksum_mismatch`. */
  finish(): Measured {
    const { contentLength, contentMd5, checksums } = this.#options;
    if (contentLength !== undefined && this.#size !== contentLength) {
      throw lengthMismatch(contentLength, String(this.#size));
    }
    const { md5, computed } = this.#digests();
    if (contentMd5 !== undefined) compare('Content-MD5', contentMd5, md5.toString('base64'));
    const expected = typeof checksums === 'function' ? checksums() : (checksums ?? {});
    for (const [name, value] of Object.entries(expected)) {
      const found = computed[knownAlgorithm(name)];
      if (found === undefined) {
        throw new LochError('invalid_argument', `The checksum ${name} was not announced before the body.`, {
          context: { checksum: name },
        });
      }
      compare(name, value, found);
    }
    return { size: this.#size, md5, checksums: computed };
  }
}

function knownAlgorithm(name: string): ChecksumAlgorithm {
  if ((CHECKSUM_ALGORITHMS as readonly string[]).includes(name)) return name as ChecksumAlgorithm;
  throw new LochError('invalid_argument', `Unknown checksum \`${name}\`. Known: ${CHECKSUM_ALGORITHMS.join(', ')}.`, {
    context: { checksum: name, known: CHECKSUM_ALGORITHMS },
  });
}

function compare(name: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new LochError(
    'checksum_mismatch',
    `The body's ${name} is ${found}, not ${expected} as stated. Nothing was stored; send it again.`,
    { context: { checksum: name, expected, calculated: found } },
  );
}

function lengthMismatch(expected: number, found: string): LochError {
  return new LochError(
    'incomplete_body',
    `The body has ${found} bytes, not ${expected} as stated. Nothing was stored; send it again.`,
    { context: { expected, found } },
  );
}
