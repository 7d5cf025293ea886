/** At most `size` at once; the rest waits in order. */
export function createSlots(size: number): { run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> } {
  let free = size;
  const waiting: (() => void)[] = [];
  const acquire = (signal: AbortSignal): Promise<void> => {
    if (free > 0) {
      free--;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const grant = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        waiting.splice(waiting.indexOf(grant), 1);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.push(grant);
    });
  };
  return {
    async run(signal, work) {
      await acquire(signal);
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}
