import { LochError } from '../../core/errors.ts';

/** `promise`, given up when `signal` aborts first; what it stands for goes on. **Errors**: `statement_cancelled`. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new LochError('statement_cancelled', 'The wait was given up.'));
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
