import { connect, type Socket } from 'node:net';

/** One request of a load: its line and headers, and its body. */
export interface RawRequest {
  readonly method: 'GET' | 'PUT';
  /** Path and query. */
  readonly target: string;
  readonly body?: Buffer;
}

export interface LoadResult {
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  /** **Units**: milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Sends requests over `connections` keep-alive sockets, each one at a time, until `next` has no more. Answers are read
 * to their last byte and thrown away; any status but 200 fails the run.
 */
export async function runLoad(
  port: number,
  connections: number,
  next: () => RawRequest | undefined,
): Promise<LoadResult> {
  const times: number[] = [];
  let bytes = 0;
  const began = performance.now();
  const worker = async () => {
    const socket = new RawSocket(port);
    for (let request = next(); request !== undefined; request = next()) {
      const start = performance.now();
      const received = await socket.exchange(request); // not `bytes += await …`: that adds to the sum of before the wait
      bytes += received;
      times.push(performance.now() - start);
    }
    socket.close();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { requests: times.length, bytes, seconds, p50: at(0.5), p99: at(0.99) };
}

/** A keep-alive connection that speaks just enough HTTP: content-length answers only. */
class RawSocket {
  readonly #socket: Socket;
  readonly #host: string;
  #head: Buffer = Buffer.alloc(0);
  #left = -1;
  #length = 0;
  #settle: { resolve(bytes: number): void; reject(error: Error): void } | undefined;

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#settle?.reject(error));
    this.#socket.on('close', () => this.#settle?.reject(new Error('the server closed the connection')));
  }

  exchange({ method, target, body }: RawRequest): Promise<number> {
    const length = body?.length ?? 0;
    const head = `${method} ${target} HTTP/1.1\r\nhost: ${this.#host}\r\n${method === 'PUT' ? `content-length: ${length}\r\n` : ''}\r\n`;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve: (received) => resolve(received + length), reject };
      if (body === undefined) this.#socket.write(head);
      else if (length < 65_536) this.#socket.write(Buffer.concat([Buffer.from(head), body]));
      else {
        this.#socket.cork();
        this.#socket.write(head);
        this.#socket.write(body);
        this.#socket.uncork();
      }
    });
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    if (this.#left < 0) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = this.#head.toString('latin1', 0, end);
      rest = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
      if (!head.startsWith('HTTP/1.1 200')) {
        this.#settle?.reject(new Error(`${head}\n${rest}`));
        return;
      }
      this.#length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      this.#left = this.#length;
    }
    this.#left -= rest.length;
    if (this.#left > 0) return;
    this.#left = -1;
    this.#settle?.resolve(this.#length);
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }
}
