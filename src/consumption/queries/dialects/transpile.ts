import { LochError } from '../../../core/errors.ts';
import type { Lifecycle } from '../../../core/lifecycle.ts';
import type { Transpile } from '../deps.ts';

/** Statements of other dialects as statements of the engine. */
export interface Transpiler extends Lifecycle {
  readonly transpile: Transpile;
}

/** Opens the transpiler. */
export function openTranspiler(): Transpiler {
  return {
    transpile: async (sql, dialect) => {
      if (dialect === 'duckdb') return { sql, preamble: [], settings: {} };
      throw new LochError('unsupported', `The dialect ${dialect} is not there yet. Known: duckdb.`);
    },
    close: async () => {},
  };
}
