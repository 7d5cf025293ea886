import type { IncomingMessage } from 'node:http';
import { LochError } from '../../core/errors.ts';
import { giveAway } from '../../core/given-bytes.ts';

/**
 * The bytes of a request as they come. A message that was cut off is an error, not an end; so is a client that sends
 * nothing for `idleMs` while it is waited for (time in which nobody reads does not count). Its chunks are given away.
 */
export class BodyReader implements AsyncIterableIterator<Buffer> {
  readonly #incoming: IncomingMessage;
  readonly #idleMs: number;
  readonly #onChange = () => this.#wake?.();
  /** By Content-Length; NaN when the message does not tell. */
  readonly #length: number;
  #closed = false;
  #listening = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #read = 0;
  #idle = false;

  constructor(incoming: IncomingMessage, idleMs: number) {
    this.#incoming = incoming;
    this.#idleMs = idleMs;
    this.#length = Number(incoming.headers['content-length'] ?? Number.NaN);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** **Errors**: `incomplete_body`, `timeout`. */
  async next(): Promise<IteratorResult<Buffer>> {
    while (!this.#closed) {
      const chunk = this.#incoming.read() as Buffer | null;
      if (chunk !== null) {
        this.#read += chunk.length;
        giveAway(chunk);
        return { done: false, value: chunk };
      }
      // A message of known length ends with its last byte; the end itself is left to the connection.
      if (this.#read === this.#length) {
        this.#close();
        this.#incoming.resume();
      } else if (this.#incoming.readableEnded && this.#incoming.complete) this.#close();
      else if (this.#incoming.readableEnded || this.#incoming.destroyed) throw this.#cutOff();
      else await this.#change();
      if (this.#idle) throw this.#tooSlow();
    }
    return { done: true, value: undefined };
  }

  /** Stops reading; what is left stays in the connection. */
  async return(): Promise<IteratorResult<Buffer>> {
    this.#close();
    return { done: true, value: undefined };
  }

  /** Most bodies are here before anybody waits for them, so listening begins with the first wait. */
  #listen(): void {
    this.#listening = true;
    // An aborted request errs and closes; `complete` tells it from one that has ended.
    for (const event of ['readable', 'end', 'error', 'close']) this.#incoming.on(event, this.#onChange);
  }

  #close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (!this.#listening) return;
    // The listener of errors stays: an error that nobody listens to would end the process.
    for (const event of ['readable', 'end', 'close']) this.#incoming.off(event, this.#onChange);
  }

  #change(): Promise<void> {
    if (!this.#listening) this.#listen();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      this.#timer = this.#timer?.refresh() ?? setTimeout(() => this.#expire(), this.#idleMs);
    });
  }

  #expire(): void {
    if (this.#wake === undefined) return;
    this.#idle = true;
    this.#wake();
  }

  #cutOff(): LochError {
    this.#close();
    return new LochError('incomplete_body', `The connection ended after ${this.#read} bytes, before the body did.`, {
      context: { found: this.#read },
    });
  }

  #tooSlow(): LochError {
    this.#close();
    return new LochError(
      'timeout',
      `Nothing of the body came for ${this.#idleMs} ms, after ${this.#read} bytes. Send it again.`,
      { context: { found: this.#read, limitMs: this.#idleMs } },
    );
  }
}
