import type { Clock } from '../../core/clock.ts';
import { toLochError } from '../../core/errors.ts';
import { type IdentityOptions, openServerIdentity, type ServerIdentity } from './server-identity.ts';

export type { ServerIdentity } from './server-identity.ts';

/** How often files are looked at, and the certificate's end. **Units**: milliseconds. */
const LOOK_EVERY_MS = 3_600_000;

/** The identity of this run, renewed while it runs. */
export interface Tls {
  /** The one to show from now on. */
  readonly identity: ServerIdentity;
  /** Told of each new one. */
  onRenewed(apply: (identity: ServerIdentity) => void): void;
  /** Looks now whether another identity is due: an end that comes near, files that were replaced. */
  look(): Promise<void>;
  close(): void;
}

/** Opens the identity and keeps it good. A look that failed keeps the one before, and is reported. **Errors**: `configuration`. */
export async function openTls(
  options: Omit<IdentityOptions, 'now'> & { readonly clock: Clock; readonly onFailure: (error: Error) => void },
): Promise<Tls> {
  const open = () => openServerIdentity({ ...options, now: options.clock.now() });
  let identity = await open();
  const listeners: ((identity: ServerIdentity) => void)[] = [];
  const look = async () => {
    const found = await open();
    if (found.pair.certificate === identity.pair.certificate) return;
    identity = found;
    for (const apply of listeners) apply(found);
  };
  const timer = setInterval(
    () => look().catch((error: unknown) => options.onFailure(toLochError(error))),
    LOOK_EVERY_MS,
  );
  timer.unref();
  return {
    get identity() {
      return identity;
    },
    onRenewed: (apply) => void listeners.push(apply),
    look,
    close: () => clearInterval(timer),
  };
}
