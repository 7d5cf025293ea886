/**
 * `COPY … TO STDOUT` as bytes. The server sends each row as a message of its own; here the payloads are laid one behind
 * the other in large pieces, a copy a row, and everything else is left to the client's own parser.
 * **Source**: PostgreSQL documentation, "Frontend/Backend Protocol", COPY operations.
 */
import type { Socket } from 'node:net';
import type { Submittable } from 'pg';

const COPY_DATA = 0x64; // d
/** CopyOutResponse, NoticeResponse, ParameterStatus, NotificationResponse: passed over while copying. */
const PASSED_OVER = new Set([0x48, 0x4e, 0x53, 0x41]);
const HEAD_BYTES = 5;
const PIECE_BYTES = 1 << 20;
/** Pieces that may wait for the reader before the socket is paused. */
const WAITING_PIECES = 2;

/** What a query needs of the client's connection. */
interface CopyConnection {
  readonly stream: Socket;
  query(text: string): void;
}

/** A query that copies out. Given to `client.query`, then read by `bytes`, then `rows`. */
export class CopyOut implements Submittable {
  readonly #sql: string;
  #connection: CopyConnection | undefined;
  #parse: ((chunk: Buffer) => void) | undefined;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headFilled = 0;
  /** Bytes of the current message still to come, and whether they are data. */
  #left = 0;
  #isData = false;
  #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #filled = 0;
  readonly #waiting: Buffer[] = [];
  #ended = false;
  #failure: unknown;
  #rows: number | undefined;
  #wake: () => void = () => {};

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** The bytes of all rows, in pieces of up to 1 MiB. Left early, the connection is broken off. */
  async *bytes(): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const piece = this.#waiting.shift();
        if (piece !== undefined) {
          if (this.#waiting.length < WAITING_PIECES && !this.#ended) this.#connection?.stream.resume();
          yield piece;
        } else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#ended) return;
        else await this.#change();
      }
    } finally {
      if (!this.#ended) this.#connection?.stream.destroy();
    }
  }

  /** The rows copied, as the server counted them. */
  async rows(): Promise<number> {
    while (this.#rows === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#change();
    }
    return this.#rows;
  }

  submit(connection: unknown): void {
    this.#connection = connection as CopyConnection;
    const { stream } = this.#connection;
    this.#parse = stream.listeners('data')[0] as (chunk: Buffer) => void;
    stream.off('data', this.#parse);
    stream.on('data', this.#take);
    this.#connection.query(this.#sql);
  }

  /** Called by the client when the server, or the connection, fails. */
  handleError(error: unknown): void {
    this.#failure ??= error;
    this.#giveBack();
    this.#tell();
  }

  /** Called by the client behind the last row. */
  handleCommandComplete(message: { readonly text?: string }): void {
    this.#rows = Number(/COPY (\d+)/.exec(message.text ?? '')?.[1]);
    this.#tell();
  }

  handleReadyForQuery(): void {
    this.#tell();
  }

  readonly #take = (chunk: Buffer): void => {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        if (this.#isData) this.#lay(chunk, at, end);
        this.#left -= end - at;
        at = end;
        continue;
      }
      const start = at;
      const taken = Math.min(HEAD_BYTES - this.#headFilled, chunk.length - at);
      chunk.copy(this.#head, this.#headFilled, at, at + taken);
      this.#headFilled += taken;
      at += taken;
      if (this.#headFilled < HEAD_BYTES) return;
      const code = this.#head[0]!;
      this.#headFilled = 0;
      if (code !== COPY_DATA && !PASSED_OVER.has(code)) {
        // The end, or an error: from here on it is the client's.
        const before = this.#head.subarray(0, HEAD_BYTES - taken);
        this.#giveBack();
        this.#parse!(Buffer.concat([before, chunk.subarray(start)]));
        return;
      }
      this.#isData = code === COPY_DATA;
      this.#left = this.#head.readUInt32BE(1) - 4;
    }
  };

  #lay(chunk: Buffer, from: number, end: number): void {
    let at = from;
    while (at < end) {
      const copied = chunk.copy(this.#piece, this.#filled, at, end);
      at += copied;
      this.#filled += copied;
      if (this.#filled === PIECE_BYTES) this.#finishPiece();
    }
  }

  #finishPiece(): void {
    if (this.#filled === 0) return;
    this.#waiting.push(this.#piece.subarray(0, this.#filled));
    this.#piece = Buffer.allocUnsafe(PIECE_BYTES);
    this.#filled = 0;
    if (this.#waiting.length >= WAITING_PIECES) this.#connection?.stream.pause();
    this.#tell();
  }

  #giveBack(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#finishPiece();
    const stream = this.#connection?.stream;
    if (stream === undefined) return;
    stream.off('data', this.#take);
    stream.on('data', this.#parse!);
    stream.resume();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tell(): void {
    this.#wake();
  }
}
