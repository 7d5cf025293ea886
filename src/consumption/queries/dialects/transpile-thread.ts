/** The thread that holds the transpiler: 23 MB of WebAssembly that only statements of other dialects need. */
import { parentPort } from 'node:worker_threads';
import { Dialect, init, transpile } from '@polyglot-sql/sdk';

/** A statement to transpile, and the answer by its number. */
export interface TranspileRequest {
  readonly id: number;
  readonly sql: string;
}
export interface TranspileReply {
  readonly id: number;
  readonly statements?: readonly string[];
  readonly error?: string;
  readonly line?: number;
  readonly column?: number;
}

await init();

function answer({ id, sql }: TranspileRequest): TranspileReply {
  try {
    const result = transpile(sql, Dialect.Trino, Dialect.DuckDB, { unsupportedLevel: 'raise' });
    if (result.success && result.sql !== undefined) return { id, statements: result.sql };
    return {
      id,
      error: result.error ?? 'The statement cannot be read.',
      ...(result.errorLine === undefined ? {} : { line: result.errorLine }),
      ...(result.errorColumn === undefined ? {} : { column: result.errorColumn }),
    };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort!.on('message', (request: TranspileRequest) => parentPort!.postMessage(answer(request)));
