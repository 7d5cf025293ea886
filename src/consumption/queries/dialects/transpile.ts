/**
 * Statements of the Athena dialect as statements of the engine.
 *
 * Invariants
 * - Nothing here is trusted: what comes out is parsed, gated and bound like a statement the caller wrote.
 * - The transpiler is loaded with the first statement that needs it, in a thread of its own, and ends with it when it hangs.
 */
import { Worker } from 'node:worker_threads';
import { LochError } from '../../../core/errors.ts';
import type { Lifecycle } from '../../../core/lifecycle.ts';
import type { Transpile, TranspiledStatement } from '../deps.ts';
import type { TranspileReply, TranspileRequest } from './transpile-thread.ts';
import { finishTrino, prepareTrino } from './trino-text.ts';

export interface Transpiler extends Lifecycle {
  readonly transpile: Transpile;
}

/** A statement that takes longer is given up, with its thread. */
const LIMIT_MS = 15_000;
const CACHED = 500;

/** Opens the transpiler. **Cost**: nothing until the first statement of another dialect; then about a second, once. */
export function openTranspiler(): Transpiler {
  let thread: TranspileThread | undefined;
  const cache = new Map<string, string>();
  const athena = async (sql: string): Promise<string> => {
    const known = cache.get(sql);
    if (known !== undefined) return known;
    if (thread === undefined || thread.ended) thread = new TranspileThread();
    const statements = await thread.run(prepareTrino(sql));
    if (statements.length > 1) {
      throw new LochError('syntax_error', 'Only one statement at a time. Send the second one by itself.');
    }
    const finished = finishTrino(statements[0] ?? '');
    if (cache.size >= CACHED) cache.delete(cache.keys().next().value!);
    cache.set(sql, finished);
    return finished;
  };
  return {
    async transpile(sql, dialect): Promise<TranspiledStatement> {
      if (dialect === 'duckdb') return { sql, preamble: [], settings: {} };
      return { sql: await athena(sql), preamble: [], settings: { integer_division: 'true' } };
    },
    close: async () => thread?.close(),
  };
}

interface Waiter {
  readonly resolve: (statements: readonly string[]) => void;
  readonly reject: (error: unknown) => void;
}

class TranspileThread {
  ended = false;
  readonly #worker = new Worker(new URL(import.meta.resolve('./transpile-thread.ts')));
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (reply: TranspileReply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('the thread ended')));
  }

  run(sql: string): Promise<readonly string[]> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => void this.close(), LIMIT_MS);
      this.#waiting.set(id, {
        resolve: (statements) => {
          clearTimeout(timer);
          resolve(statements);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#worker.postMessage({ id, sql } satisfies TranspileRequest);
    });
  }

  async close(): Promise<void> {
    this.ended = true;
    await this.#worker.terminate();
  }

  #receive(reply: TranspileReply): void {
    const waiter = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.statements !== undefined) waiter?.resolve(reply.statements);
    else waiter?.reject(refusal(reply));
  }

  #end(cause: unknown): void {
    this.ended = true;
    for (const waiter of this.#waiting.values()) {
      waiter.reject(
        new LochError('unsupported', 'The statement could not be translated for the engine. Write it more simply.', {
          cause,
        }),
      );
    }
    this.#waiting.clear();
  }
}

function refusal({ error, line, column }: TranspileReply): LochError {
  const text = error ?? '';
  if (/unsupported|not supported/i.test(text)) {
    return new LochError('unsupported', text.replace(/^(Generation error|Unsupported): /, ''));
  }
  const place = line === undefined || column === undefined ? {} : { line, column };
  const what = text.replace(/^Parse error at line \d+, column \d+: /, '');
  const prefix = line === undefined ? '' : `line ${line}:${column}: `;
  return new LochError('syntax_error', `${prefix}${what}`, { context: place });
}
