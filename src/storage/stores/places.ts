/**
 * Where a store keeps the bytes of versions. The store itself knows names, conditions and transactions.
 *
 * Call rules of `BytePlaces`
 * - `place` and `copy` resolve when the bytes are durable. Nobody sees them until a transaction names them.
 * - Of every placement `decided` is called once, when its transaction has ended, and before it `discard` when the
 *   transaction refused: only then is it sure that nothing names the bytes.
 * - What neither happened to, because the process died, is found and removed by the sweep of the place.
 */
import type { Readable } from 'node:stream';
import type { StoreCall } from '../../core/store-call.ts';
import type { FileColumns, ObjectBody, PutOptions } from '../contract.ts';
import type { ObjectEncryption } from '../versions.ts';
import type { Measured } from './body-meter.ts';
import type { ObjectRow } from './local/rows.ts';
import type { ServedRange } from './ranges.ts';

/** How a body is encrypted. */
export interface Seal {
  readonly record: ObjectEncryption;
  readonly key: Uint8Array;
}

/** A version that is about to be. */
export interface NewName {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string;
}

/** Durable bytes without a name. */
export interface Placed {
  readonly row: Pick<ObjectRow, 'segment' | 'place'>;
  /** Calls that share the transaction which names the bytes. */
  readonly also?: readonly StoreCall[];
  /** Removes the bytes. */
  readonly discard: () => Promise<void>;
  /** To be called when the transaction has ended, whatever its end. */
  readonly decided: () => void;
}

/** A body that was placed, and what it turned out to be. */
export interface PlacedBody extends Placed {
  readonly measured: Measured;
  /** CRC-32 of the stored bytes, sealed or not; absent for those that have a checksum where they lie. */
  readonly crc?: number;
}

/** Places of bytes: local files and segments, or objects of a remote service. */
export interface BytePlaces {
  /**
   * Places `body`, sealed when there is a `seal`. `beforeLarge` runs before the first byte of a large one is kept: what can be refused early is refused
   * there. **Errors**: as `BodyMeter`; `disk_full`, `unavailable`.
   */
  place(
    name: NewName,
    body: ObjectBody,
    options: PutOptions,
    beforeLarge: () => Promise<void>,
    seal?: Seal,
  ): Promise<PlacedBody>;
  /** Gives the bytes of a version, sealed or not, another name. */
  copy(source: ObjectRow, name: NewName): Promise<Placed>;
  /**
   * A range of a version that has at least one byte. `dataKey` opens a sealed one; without it the range is one of its
   * bytes as they lie, for whoever moves them.
   * **Errors**: `ENOENT` when it was swept meanwhile.
   */
  read(row: ObjectRow, range: ServedRange, dataKey?: Uint8Array): Promise<Readable>;
  /** The version as a plain file in `directory`, named by its id and the extension of the key. **Errors**: `data_corrupt`. */
  openFile(
    row: ObjectRow,
    key: string,
    directory: string,
    columns: FileColumns | undefined,
    dataKey?: Uint8Array,
  ): Promise<string>;
}
