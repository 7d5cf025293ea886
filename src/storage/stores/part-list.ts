import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { ChecksumAlgorithm, CompletedPart, PutOptions } from '../contract.ts';
import { combineCrcs, isCombinable } from '../checksums/combine.ts';
import { CHECKSUM_ALGORITHMS, createDigest } from '../checksums/digest.ts';

export const MAX_PART_NUMBER = 10_000;

/** **Errors**: `invalid_argument`. */
export function assertPartNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= MAX_PART_NUMBER) return;
  throw new LochError('invalid_argument', `Part numbers are 1 to ${MAX_PART_NUMBER}; ${number} is not.`, {
    context: { argument: 'partNumber', limit: MAX_PART_NUMBER },
  });
}

/** A recorded part, as far as its list is concerned. */
export interface ListedPart {
  readonly number: number;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  /** Base64 by algorithm, as JSON. */
  readonly checksums: string;
}

/**
 * The parts a completion names, in their order.
 * **Errors**: `malformed_request` for none, `invalid_part_order`, `invalid_part`, `part_too_small`.
 */
export function chooseParts<P extends ListedPart>(
  recorded: readonly P[],
  listed: readonly CompletedPart[],
  minPartBytes: number,
): P[] {
  if (listed.length === 0) {
    throw new LochError('malformed_request', 'A completion names at least one part. List the parts of the upload.');
  }
  const byNumber = new Map(recorded.map((part) => [part.number, part]));
  const chosen: P[] = [];
  let before = 0;
  for (const { partNumber, etag, checksums } of listed) {
    if (partNumber <= before) {
      throw new LochError(
        'invalid_part_order',
        `Part ${partNumber} stands after part ${before}. List parts by ascending number, each once.`,
        { context: { partNumber } },
      );
    }
    before = partNumber;
    const part = byNumber.get(partNumber);
    if (part === undefined || part.md5 !== etag.replace(/^"(.*)"$/, '$1')) {
      throw new LochError(
        'invalid_part',
        part === undefined
          ? `Part ${partNumber} was not uploaded. Upload it, or leave it out.`
          : `Part ${partNumber} has the ETag "${part.md5}", not ${etag}. Use the ETag its upload returned.`,
        { context: { partNumber, etag } },
      );
    }
    assertPartChecksums(part, checksums);
    chosen.push(part);
  }
  for (const part of chosen.slice(0, -1)) {
    if (part.size >= minPartBytes) continue;
    throw new LochError(
      'part_too_small',
      `Part ${part.number} has ${part.size} bytes; all but the last need at least ${minPartBytes}.`,
      { context: { partNumber: part.number, proposedSize: part.size, minSizeAllowed: minPartBytes } },
    );
  }
  return chosen;
}

function assertPartChecksums(part: ListedPart, stated: CompletedPart['checksums']): void {
  const own = JSON.parse(part.checksums) as Record<string, string>;
  for (const [name, value] of Object.entries(stated ?? {})) {
    if (own[name] === undefined || own[name] === value) continue;
    throw new LochError('invalid_part', `Part ${part.number} has the ${name} ${own[name]}, not ${value} as stated.`, {
      context: { partNumber: part.number, checksum: name },
    });
  }
}

/**
 * The checksums of the whole object that follow from those of its parts: an algorithm counts when every part has it.
 * **Source**: Amazon S3 User Guide, "Checking object integrity": full-object and composite checksums.
 */
export function objectChecksums(
  parts: readonly ListedPart[],
  type: PutOptions['checksumType'],
): Readonly<Record<string, string>> {
  const each = parts.map((part) => JSON.parse(part.checksums) as Partial<Record<ChecksumAlgorithm, string>>);
  const whole: Record<string, string> = {};
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    if (each.some((checksums) => checksums[algorithm] === undefined)) continue;
    const full = isCombinable(algorithm) && (type === 'FULL_OBJECT' || algorithm === 'crc64nvme');
    whole[algorithm] = full
      ? combineCrcs(
          algorithm,
          parts.map((part, i) => ({ size: part.size, checksum: each[i]![algorithm]! })),
        )
      : compositeOf(
          algorithm,
          each.map((checksums) => checksums[algorithm]!),
        );
  }
  return whole;
}

function compositeOf(algorithm: ChecksumAlgorithm, checksums: readonly string[]): string {
  const bytes = Buffer.concat(checksums.map((checksum) => Buffer.from(checksum, 'base64')));
  const digest = createDigest(algorithm);
  digest.update(bytes);
  return `${digest.digest().toString('base64')}-${checksums.length}`;
}

/** Sizes of parts as runs of equal ones. */
export function partSizeRuns(parts: readonly ListedPart[]): [size: number, count: number][] {
  const runs: [number, number][] = [];
  for (const { size } of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] === size) last[1]++;
    else runs.push([size, 1]);
  }
  return runs;
}

/** **Source**: the ETag of a multipart object is the MD5 of its parts' MD5s, and their number. */
export function multipartEtag(parts: readonly ListedPart[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part.md5, 'hex');
  return `"${hash.digest('hex')}-${parts.length}"`;
}

/**
 * Verifies what a completion says of the object.
 * **Errors**: `checksum_mismatch`; `invalid_argument` for another size or type of checksum than the upload has.
 */
export function expectCompletion(
  upload: Pick<PutOptions, 'checksumType' | 'checksumAlgorithms'>,
  options: PutOptions,
  parts: readonly ListedPart[],
  checksums: Readonly<Record<string, string>>,
): void {
  const { contentLength, checksumType } = options;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (contentLength !== undefined && contentLength !== size) {
    throw new LochError('invalid_argument', `The parts have ${size} bytes, not ${contentLength} as stated.`, {
      context: { argument: 'contentLength', expected: contentLength, found: size },
    });
  }
  const own = upload.checksumType ?? (upload.checksumAlgorithms?.[0] === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE');
  if (checksumType !== undefined && checksumType !== own) {
    throw new LochError('invalid_argument', `The upload was begun with ${own} checksums; complete it with the same.`, {
      context: { argument: 'checksumType', expected: own, found: checksumType },
    });
  }
  expectChecksums(options, checksums);
}

function expectChecksums(options: PutOptions, found: Readonly<Record<string, string>>): void {
  const expected = typeof options.checksums === 'function' ? options.checksums() : (options.checksums ?? {});
  for (const [name, value] of Object.entries(expected)) {
    const own = found[name as ChecksumAlgorithm];
    if (own === undefined || own === value || own.replace(/-\d+$/, '') === value) continue;
    throw new LochError(
      'checksum_mismatch',
      `The ${name} of the parts makes ${own}, not ${value} as stated. The upload is unchanged.`,
      { context: { checksum: name, expected: value, calculated: own } },
    );
  }
}
