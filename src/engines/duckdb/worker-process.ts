/**
 * One engine process as the server sees it: requests by id, cancel that ends in a kill, and a death that is told to
 * every request it takes with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserializeError, LochError } from '../../core/errors.ts';
import { type FromWorker, OVER_MEMORY_EXIT, type ToWorker } from './protocol.ts';

const KILL_AFTER_CANCEL_MS = 600;

type Request = ToWorker extends infer R ? (R extends { kind: 'cancel' } ? never : Omit<R & object, 'id'>) : never;

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface WorkerLimits {
  /** Resident memory at which the process ends itself. An allocation far beyond it fails before that. */
  readonly memoryCapBytes: number;
  readonly directory: string;
}

/** A statement died only because its process was killed for another one: it may be run again. */
export const COLLATERAL = 'engine_process_replaced';

/** One engine process as promises. When it dies, only what it was running fails. */
export class WorkerProcess {
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  rssBytes = 0;
  served = 0;
  #nextId = 1;
  #alive = true;
  #killedFor: number | 'close' | undefined;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiter>();

  constructor(limits: WorkerLimits) {
    this.#child = startProcess(limits);
    let becomeReady!: () => void;
    let failReady!: (error: unknown) => void;
    this.ready = new Promise((resolve, reject) => {
      becomeReady = resolve;
      failReady = reject;
    });
    this.ready.catch(() => {});
    this.#child.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') becomeReady();
      else this.#receive(message);
    });
    this.#child.on('error', (error) => this.#end(failReady, `could not start: ${error.message}`, null));
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#end(failReady, signal === null ? `ended with code ${code}` : `was ended by ${signal}`, code);
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  /** Sends a request and resolves with its answer. An aborted signal rejects it in under a second, by a kill if need be. */
  request(request: Request, signal?: AbortSignal): Promise<unknown> {
    if (!this.#alive) return Promise.reject(this.#lost('is gone'));
    if (signal?.aborted) return Promise.reject(new LochError('statement_cancelled', 'The statement was cancelled.'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      let killTimer: NodeJS.Timeout | undefined;
      const onAbort = () => {
        this.#send({ kind: 'cancel', id });
        killTimer = setTimeout(() => this.#kill(id), KILL_AFTER_CANCEL_MS);
      };
      const settle = () => {
        clearTimeout(killTimer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#send({ ...request, id } as ToWorker);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends the process now. Requests still waiting are rejected. */
  async close(): Promise<void> {
    if (this.#alive) {
      this.#killedFor ??= 'close';
      this.#child.kill('SIGKILL');
    }
    await this.exited;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #kill(id: number): void {
    this.#killedFor ??= id;
    this.#child.kill('SIGKILL');
  }

  #receive(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    this.rssBytes = message.rssBytes;
    const waiter = this.#waiting.get(message.id);
    if (message.kind === 'done') waiter?.resolve(message.value);
    else waiter?.reject(deserializeError(message.error));
  }

  #end(failReady: (error: unknown) => void, how: string, code: number | null): void {
    this.#alive = false;
    failReady(this.#lost(how));
    for (const [id, waiter] of [...this.#waiting]) {
      if (this.#killedFor === id || this.#killedFor === 'close') {
        waiter.reject(new LochError('statement_cancelled', 'The statement was cancelled.'));
      } else if (code === OVER_MEMORY_EXIT) {
        waiter.reject(
          new LochError(
            'resource_exhausted',
            'The statement needed more memory than an engine process may have. Read fewer columns or rows, or raise `engine.memory_limit_bytes`.',
          ),
        );
      } else waiter.reject(this.#lost(how));
    }
  }

  #lost(how: string): LochError {
    return new LochError('unavailable', `The engine process ${how} before it answered. Send the statement again.`, {
      context: { [COLLATERAL]: this.#killedFor !== undefined },
    });
  }
}

/**
 * What counts as data segment before any statement: reservations of V8 and of thread stacks (seen: 760 MB at start,
 * 870 MB after 300 statements, of which 140 MB resident).
 */
const DATA_SEGMENT_BASE_BYTES = 1024 * 1024 * 1024;

/** Starts the worker program, under a data-segment limit where the system has one, with none of our environment. */
function startProcess(limits: WorkerLimits): ChildProcess {
  const program = fileURLToPath(import.meta.resolve('./worker.ts'));
  const environment = {
    UV_THREADPOOL_SIZE: '16',
    MALLOC_ARENA_MAX: '4',
    TZ: 'UTC',
    LOCH_ENGINE_MEMORY_CAP: String(limits.memoryCapBytes),
  };
  const options = {
    cwd: limits.directory,
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'] as ['ignore', 'ignore', 'inherit', 'ipc'],
  };
  if (process.platform !== 'linux') return spawn(process.execPath, [program], options);
  const kibibytes = Math.floor((limits.memoryCapBytes + DATA_SEGMENT_BASE_BYTES) / 1024);
  const script = `ulimit -c 0; ulimit -d ${kibibytes}; exec "$0" "$@"`;
  return spawn('/bin/sh', ['-c', script, process.execPath, program], options);
}
