import { open } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isLochError } from '../../../core/errors.ts';
import type { DirectBody } from '../../contract.ts';
import type { BytePlaces } from '../places.ts';
import { type BodyCheck, FileBody } from './file-body.ts';
import { copyVersion } from './copy-version.ts';
import { openFile } from './open-file.ts';
import { type BodyPlaces, placeBody } from './place-body.ts';
import { headOf, keyText, type ObjectRow } from './rows.ts';
import { rotten, storedCheckOf } from './stored-check.ts';
import { bytesOnDisk, openedFile, openVersion, readingBytes, wholeOf } from './sealed-file.ts';

/** Files and segments as places of bytes. `suspect` is told of a version whose file turned out to be wrong while it was read. */
export function localPlaces(parts: BodyPlaces & { readonly suspect: (row: ObjectRow) => void }): BytePlaces {
  return {
    place: (name, body, options, beforeLarge, seal) => placeBody(parts, name, body, options, beforeLarge, seal),
    copy: (source, name) => copyVersion(parts, source, name),
    async read(row, range, dataKey) {
      const { first, last } = range;
      const head = headOf(row);
      if (row.segment !== null) {
        const place = { segment: row.segment, place: row.place! };
        const bytes = await parts.segments.read(place, bytesOnDisk(head), row.version_id);
        if (dataKey === undefined) return bodyOf(bytes.subarray(first, last + 1));
        return bodyOf(await wholeOf(openVersion(dataKey, head, range, readingBytes(bytes))));
      }
      const handle = await open(parts.files.pathOf(row.bucket, keyText(row.key), row.version_id), 'r');
      if (dataKey !== undefined) return telling(await openedFile(handle, dataKey, head, range), row, parts.suspect);
      const whole = first === 0 && last === bytesOnDisk(head) - 1;
      return telling(new FileBody(handle, first, last, whole ? checkOf(row) : undefined), row, parts.suspect);
    },
    openFile: (row, key, directory, _columns, dataKey) => openFile(parts, row, key, directory, dataKey),
  };
}

/** Whole reads are verified on the way, and cut short before their end when they are wrong. */
function checkOf(row: ObjectRow): BodyCheck | undefined {
  const check = storedCheckOf(row);
  if (check === undefined) return undefined;
  return {
    update: (chunk) => check.update(chunk),
    assertHolds() {
      if (!check.holds()) throw rotten(headOf(row));
    },
  };
}

/** `body`, with a word to `suspect` when it fails because the bytes of its version are wrong. */
function telling<Body extends Readable & DirectBody>(
  body: Body,
  row: ObjectRow,
  suspect: (row: ObjectRow) => void,
): Body {
  const tell = (error: unknown) => {
    if (isLochError(error, 'data_corrupt')) suspect(row);
  };
  body.once('error', tell);
  const sendTo = body.sendTo.bind(body);
  return Object.assign(body, {
    sendTo: async (out: Writable) => {
      try {
        await sendTo(out);
      } catch (error) {
        tell(error);
        throw error;
      }
    },
  });
}

/** Bytes in hand as a body; sent in one write, without a stream between. */
function bodyOf(bytes: Buffer): Readable & DirectBody {
  const body = new Readable({
    read() {
      this.push(bytes);
      this.push(null);
    },
  });
  return Object.assign(body, {
    sendTo: async (out: Writable) => {
      body.destroy();
      out.end(bytes);
      await finished(out);
    },
  });
}
