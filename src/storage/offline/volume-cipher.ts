/**
 * One volume of a bundle: a header and chunks under AES-256-GCM.
 *
 * Invariants
 * - Header: `LOCHVOL1`, the bundle's id (16 bytes), the volume's number (4), a salt (16). Each volume has its own key,
 *   derived from the bundle's by HKDF over that header, so a volume under another name or in another bundle opens nowhere.
 * - A chunk is its length (4 bytes, the highest bit set on the last), the ciphertext, the tag. Its nonce is its number; its
 *   length field is authenticated, so chunks cannot be left out, put in another order, or cut off at the end.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { LochError } from '../../core/errors.ts';

const MAGIC = Buffer.from('LOCHVOL1');
const HEADER_BYTES = 8 + 16 + 4 + 16;
const TAG_BYTES = 16;
const LAST = 0x8000_0000;
/** Plain bytes of a chunk, but for the last. */
export const CHUNK_BYTES = 1024 * 1024;

/** Who a volume is. */
export interface VolumeName {
  /** 32 characters of hex. */
  readonly bundle: string;
  readonly number: number;
}

const headerOf = ({ bundle, number }: VolumeName, salt: Buffer): Buffer => {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(number);
  return Buffer.concat([MAGIC, Buffer.from(bundle, 'hex'), count, salt]);
};

const keyOf = (bundleKey: Uint8Array, header: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', bundleKey, header, 'loch volume', 32));

function nonceOf(chunk: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(chunk), 4);
  return nonce;
}

/** Writes a volume. */
export class VolumeWriter {
  readonly #file: FileHandle;
  readonly #key: Buffer;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #chunk = 0;
  readonly #hash = createHash('sha256');
  /** Bytes of the file so far, without what is held. */
  bytes = HEADER_BYTES;

  private constructor(file: FileHandle, key: Buffer) {
    this.#file = file;
    this.#key = key;
  }

  /** Begins the volume in `path`, over whatever a try before left there. */
  static async create(path: string, bundleKey: Uint8Array, name: VolumeName): Promise<VolumeWriter> {
    const header = headerOf(name, randomBytes(16));
    const file = await open(path, 'w', 0o600);
    const writer = new VolumeWriter(file, keyOf(bundleKey, header));
    writer.#hash.update(header);
    await file.write(header);
    return writer;
  }

  async write(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const taken = Math.min(CHUNK_BYTES - this.#heldBytes, rest.length);
      // A full chunk goes only when more follows: the last one is marked.
      if (taken === 0) await this.#seal(false);
      else {
        this.#held.push(rest.subarray(0, taken));
        this.#heldBytes += taken;
        rest = rest.subarray(taken);
      }
    }
  }

  async #seal(last: boolean): Promise<void> {
    const plain = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(last ? plain.length + LAST : plain.length);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#chunk++)).setAAD(length);
    const sealed = Buffer.concat([length, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    this.#hash.update(sealed);
    await this.#file.write(sealed);
    this.bytes += sealed.length;
  }

  /** Seals the end and makes the file durable. */
  async end(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    await this.#seal(true);
    await this.#file.sync();
    await this.#file.close();
    return { bytes: this.bytes, sha256: this.#hash.digest('hex') };
  }

  /** Gives up; what was written is of no use. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }
}

/** The plain bytes of a volume in order. **Errors**: `data_corrupt` naming the file, before a byte that was changed. */
export async function* readVolume(path: string, bundleKey: Uint8Array, name: VolumeName): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const header = await readExactly(file, 0, HEADER_BYTES, path);
    assertHeader(header, name, path);
    const key = keyOf(bundleKey, header);
    let at = HEADER_BYTES;
    for (let chunk = 0; ; chunk++) {
      const length = await readExactly(file, at, 4, path);
      const stated = length.readUInt32BE();
      const last = stated >= LAST;
      const size = last ? stated - LAST : stated;
      if (size > CHUNK_BYTES) throw changed(path);
      const sealed = await readExactly(file, at + 4, size + TAG_BYTES, path);
      at += 4 + sealed.length;
      const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(chunk)).setAAD(length);
      decipher.setAuthTag(sealed.subarray(size));
      let plain: Buffer;
      try {
        plain = Buffer.concat([decipher.update(sealed.subarray(0, size)), decipher.final()]);
      } catch (cause) {
        throw changed(path, cause);
      }
      if (plain.length > 0) yield plain;
      if (last) break;
    }
    if ((await file.stat()).size !== at) throw changed(path);
  } finally {
    await file.close();
  }
}

/** **Errors**: `data_corrupt` for a file that is no volume, or one of another bundle or number. */
export async function assertVolume(path: string, name: VolumeName): Promise<void> {
  const file = await open(path, 'r');
  try {
    assertHeader(await readExactly(file, 0, HEADER_BYTES, path), name, path);
  } finally {
    await file.close();
  }
}

function assertHeader(header: Buffer, { bundle, number }: VolumeName, path: string): void {
  if (!header.subarray(0, 8).equals(MAGIC)) throw new LochError('data_corrupt', `${path} is no volume of a bundle.`);
  const found = header.subarray(8, 24).toString('hex');
  if (found !== bundle) {
    throw new LochError(
      'data_corrupt',
      `${path} is of another bundle (${found}, not ${bundle}): of somebody else, or of an export made before. Put the right volume in its place.`,
      { context: { file: path, found, expected: bundle } },
    );
  }
  const place = header.readUInt32BE(24);
  if (place === number) return;
  throw new LochError('data_corrupt', `${path} holds volume ${place}, not ${number}. Give it its own name back.`, {
    context: { file: path, found: place, expected: number },
  });
}

async function readExactly(file: FileHandle, at: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw new LochError('data_corrupt', `${path} ends before its last chunk. Copy it again.`);
    done += bytesRead;
  }
  return bytes;
}

const changed = (path: string, cause?: unknown) =>
  new LochError('data_corrupt', `${path} is not what was written: some of its bytes were changed. Copy it again.`, {
    context: { file: path },
    cause,
  });
