import type { KeyDeps } from '../key-deps.ts';
import { procedures } from '../key-deps.ts';
import type { KnownKey } from '../key-ring.ts';

const WRITTEN_EVERY_MS = 60_000;
const written = new WeakMap<KeyDeps['store'], Map<string, number>>();

/** Notes that a key was used, at most once a minute; nobody waits for it and it may be lost with the process. */
export function noteUse(deps: Pick<KeyDeps, 'store' | 'clock'>, key: KnownKey, operation: string): void {
  const { keyId } = key.info;
  const times = written.get(deps.store) ?? new Map<string, number>();
  written.set(deps.store, times);
  const at = deps.clock.now();
  const last = times.get(keyId);
  if (last !== undefined && at - last < WRITTEN_EVERY_MS) return;
  times.set(keyId, at);
  deps.store.write(procedures.noteUse, { keyId, at, operation }).catch(() => times.delete(keyId)); // the next use notes it
}
