/** The directory of a zip file and its members, by ranged reads. **Source**: APPNOTE.TXT, sections 4.3 and 4.4. */
import zlib from 'node:zlib';
import type { ReadRange } from '../classifiers/parquet.ts';

const END_MAGIC = 0x06054b50;
const ENTRY_MAGIC = 0x02014b50;
const LONGEST_COMMENT = 65_557;
const LARGEST_DIRECTORY = 16 * 1024 * 1024;
const STORED = 0;
const DEFLATED = 8;

export interface ZipMember {
  readonly name: string;
  readonly method: number;
  readonly packedSize: number;
  readonly size: number;
  readonly offset: number;
  readonly encrypted: boolean;
}

/** The members of a zip of `size` bytes, folders left out. **Errors**: plain `Error` saying what is no zip. */
export async function zipMembers(size: number, read: ReadRange): Promise<ZipMember[]> {
  const tail = Buffer.from(await read(Math.max(0, size - LONGEST_COMMENT), size));
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END_MAGIC) end--;
  if (end < 0) throw new Error('no directory at its end');
  const length = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (start === 0xffffffff || length > LARGEST_DIRECTORY || start + length > size) {
    throw new Error('a directory that is too large or lies outside');
  }
  const directory = Buffer.from(await read(start, start + length));
  const members: ZipMember[] = [];
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === ENTRY_MAGIC; ) {
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    if (!name.endsWith('/')) {
      members.push({
        name,
        method: directory.readUInt16LE(at + 10),
        packedSize: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42),
        encrypted: (directory.readUInt16LE(at + 8) & 1) !== 0,
      });
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return members;
}

/** At most `limit` unpacked bytes of a member, from at most so many packed ones. **Errors**: plain `Error`. */
export async function readMember(member: ZipMember, read: ReadRange, limit: number): Promise<Buffer> {
  if (member.encrypted) throw new Error(`the member ${member.name} is encrypted`);
  const header = Buffer.from(await read(member.offset, member.offset + 30));
  const start = member.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = Buffer.from(await read(start, start + Math.min(member.packedSize, limit)));
  if (member.method === STORED) return packed.subarray(0, limit);
  if (member.method !== DEFLATED) throw new Error(`the member ${member.name} is packed by method ${member.method}`);
  return inflateBeginning(packed, limit);
}

/** At most `limit` bytes; what the packed bytes do not reach is left out. */
function inflateBeginning(packed: Buffer, limit: number): Promise<Buffer> {
  const stream = zlib.createInflateRaw({ finishFlush: zlib.constants.Z_SYNC_FLUSH });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const finish = () => {
      stream.removeAllListeners('data');
      stream.on('error', () => {});
      stream.destroy();
      resolve(Buffer.concat(chunks).subarray(0, limit));
    };
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      total += chunk.length;
      if (total >= limit) finish();
    });
    stream.on('end', finish);
    stream.on('error', finish); // cut off: what came out is the sample
    stream.end(packed);
  });
}
