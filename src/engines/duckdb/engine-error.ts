/**
 * DuckDB's failures as Loch's. With `hideValues` not a word of the engine's text survives: it may quote a value of a
 * row that the caller must not see.
 */
import { type ErrorCode, type ErrorContext, LochError } from '../../core/errors.ts';

/** What DuckDB says of a failure under `errors_as_json`. */
interface EngineFailure {
  readonly exception_type: string;
  readonly exception_message: string;
  readonly position?: string;
  readonly error_subtype?: string;
  readonly name?: string;
  readonly candidates?: string;
}

/** Where in the life of a statement it failed: while names were bound, or while rows were read. */
export type Phase = 'prepare' | 'bind' | 'run';

const CODES: Readonly<Record<string, ErrorCode>> = {
  Parser: 'syntax_error',
  'Syntax Error': 'syntax_error',
  Conversion: 'type_mismatch',
  'Mismatch Type': 'type_mismatch',
  'Out of Memory': 'resource_exhausted',
  INTERRUPT: 'statement_cancelled',
};

function readFailure(error: unknown): EngineFailure {
  const text = error instanceof Error ? error.message : String(error);
  const start = text.indexOf('{"exception_type"');
  if (start >= 0) {
    try {
      return JSON.parse(text.slice(start)) as EngineFailure;
    } catch {
      // Not JSON after all: read it as text below.
    }
  }
  const [, type, message] = /^([A-Za-z ]+?) Error: ([\s\S]*)$/.exec(text) ?? [];
  return { exception_type: type ?? 'Unknown', exception_message: message ?? text };
}

/** Facts that are safe to tell: kinds and names out of the statement's own text, positions in it. */
function contextOf(failure: EngineFailure, phase: Phase, offset: number, hideValues: boolean): ErrorContext {
  const position = failure.position === undefined ? undefined : Number(failure.position) - offset;
  return {
    errorType: failure.exception_type,
    phase,
    ...(position !== undefined && position >= 0 ? { position } : {}),
    ...(failure.error_subtype === undefined ? {} : { subtype: failure.error_subtype }),
    // A name in a bind error was written in the statement; at run time it could be a value.
    ...(failure.name !== undefined && phase === 'bind' ? { name: failure.name } : {}),
    ...(failure.candidates !== undefined && phase === 'bind' && !hideValues
      ? { candidates: failure.candidates.split(',') }
      : {}),
  };
}

/** `error` of DuckDB as a LochError; `offset` is where the caller's text begins in what was run. */
export function engineError(
  error: unknown,
  options: { readonly phase: Phase; readonly offset: number; readonly hideValues: boolean },
): LochError {
  if (error instanceof LochError) return error;
  const failure = readFailure(error);
  const code = CODES[failure.exception_type] ?? 'statement_failed';
  const context = contextOf(failure, options.phase, options.offset, options.hideValues);
  if (options.hideValues) {
    return new LochError(
      code,
      `The statement failed (${failure.exception_type}). Its details are withheld because rows or columns of its tables are filtered for you.`,
      { context },
    );
  }
  return new LochError(code, failure.exception_message, { context });
}

/** Whether DuckDB stopped because it was interrupted. */
export function isInterrupt(error: unknown): boolean {
  return readFailure(error).exception_type === 'INTERRUPT';
}
