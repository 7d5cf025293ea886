import { tables64 } from './crc-tables.ts';

/** The reflected polynomial. **Source**: NVM Express, NVM Command Set Specification, "64b CRC". */
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/**
 * The loop as WebAssembly, which has integers of 64 bits: halves of them in JavaScript take three times as long. It is
 * `crc64nvme.wat` beside this file, assembled by `wat2wasm`.
 */
const PROGRAM =
  'AGFzbQEAAAABCAFgA35/fwF+AwIBAAUDAQACBxMCBm1lbW9yeQIABnVwZGF0ZQAACtwCAdkCAQJ+AkADQCABQRBqIAJLDQEgACAB' +
  'KQAAhSEDIAEpAAghBCADQgOGp0H4D3EpA4DwASADQgWIp0H4D3EpA4DgAYUgA0INiKdB+A9xKQOA0AEgA0IViKdB+A9xKQOAwAGF' +
  'hSADQh2Ip0H4D3EpA4CwASADQiWIp0H4D3EpA4CgAYUgA0ItiKdB+A9xKQOAkAEgA0I1iKdB+A9xKQOAgAGFhYUgBEIDhqdB+A9x' +
  'KQOAcCAEQgWIp0H4D3EpA4BghSAEQg2Ip0H4D3EpA4BQIARCFYinQfgPcSkDgECFhSAEQh2Ip0H4D3EpA4AwIARCJYinQfgPcSkD' +
  'gCCFIARCLYinQfgPcSkDgBAgBEI1iKdB+A9xKQMAhYWFhSEAIAFBEGohAQwACwsCQANAIAEgAk8NASAAQgiIIACnIAEtAABzQQN0' +
  'QfgPcSkDAIUhACABQQFqIQEMAAsLIAAL';

const PAGE = 65_536;
const TABLES = 16;
/** Bytes are copied behind the tables, a page at a time. */
const BYTES_AT = TABLES * 256 * 8;

/** What is used of it: the types of Node leave it to those of browsers. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
    ) => {
      readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly update: Program['update'] };
    };
  };
};

interface Program {
  readonly bytes: Uint8Array;
  /** The CRC after the bytes of memory from `at` to `end`. */
  readonly update: (crc: bigint, at: number, end: number) => bigint;
}

let program: Program | undefined;

function load(): Program {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(PROGRAM, 'base64')));
  const { buffer } = exports.memory;
  new BigUint64Array(buffer).set(tables64(CRC64NVME_POLYNOMIAL, TABLES));
  return { bytes: new Uint8Array(buffer, BYTES_AT, PAGE), update: exports.update };
}

/** A CRC-64/NVME that takes its bytes piece by piece. */
export class Crc64Nvme {
  #crc = -1n;

  update(bytes: Uint8Array): void {
    program ??= load();
    for (let from = 0; from < bytes.length; from += PAGE) {
      const piece = bytes.subarray(from, from + PAGE);
      program.bytes.set(piece);
      this.#crc = program.update(this.#crc, BYTES_AT, BYTES_AT + piece.length);
    }
  }

  /** Eight bytes, big endian. */
  digest(): Buffer {
    const out = Buffer.alloc(8);
    out.writeBigInt64BE(~this.#crc, 0);
    return out;
  }
}
