import { readFileSync } from 'node:fs';

const EVERY_MS = 150;

/** Watches the resident memory of a family of processes. On systems without /proc it stays 0. */
export function watchMemory(processIds: () => readonly number[]): { peakBytes(): number; stop(): void } {
  let peak = 0;
  const look = () => {
    let sum = 0;
    for (const pid of processIds()) {
      try {
        sum += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
      } catch (error) {
        // The process has ended between the listing and the look.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH')
          throw error;
      }
    }
    peak = Math.max(peak, sum);
  };
  const timer = setInterval(look, EVERY_MS);
  return { peakBytes: () => peak, stop: () => clearInterval(timer) };
}
