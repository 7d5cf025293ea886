/**
 * Messages of `application/vnd.amazon.eventstream`.
 * **Source**: AWS, "Event stream encoding": prelude (total and header length, CRC-32), headers, payload, CRC-32; all
 * numbers big endian.
 */
import { crc32 } from 'node:zlib';

const STRING = 7;

function headerBytes(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const text = Buffer.from(value);
      const head = Buffer.alloc(1 + name.length + 3);
      head.writeUInt8(name.length, 0);
      head.write(name, 1, 'latin1');
      head.writeUInt8(STRING, 1 + name.length);
      head.writeUInt16BE(text.length, 2 + name.length);
      return Buffer.concat([head, text]);
    }),
  );
}

/** One message. */
export function eventMessage(headers: Readonly<Record<string, string>>, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const fields = headerBytes(headers);
  const total = 12 + fields.length + payload.length + 4;
  const message = Buffer.alloc(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(fields.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  fields.copy(message, 12);
  message.set(payload, 12 + fields.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - 4)), total - 4);
  return message;
}
