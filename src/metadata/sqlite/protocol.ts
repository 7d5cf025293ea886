import type { StoredEvent } from '../../core/events.ts';
import type { SerializedError } from '../../core/errors.ts';
import type { StoreCall } from '../contract.ts';

/** What a database thread is started with. */
export interface ThreadOptions {
  readonly file: string;
  readonly role: 'writer' | 'reader';
  /** File URLs of the store modules; each default-exports a `StoreModule`. */
  readonly modules: readonly string[];
}

export type StoreRequest =
  | { readonly id: number; readonly kind: 'transact'; readonly calls: readonly StoreCall[] }
  | { readonly id: number; readonly kind: 'backup'; readonly path: string }
  | { readonly id: number; readonly kind: 'close' };

export type StoreReply =
  | { readonly id: number; readonly ok: true; readonly results: readonly unknown[] }
  | { readonly id: number; readonly ok: false; readonly error: SerializedError };

/** One message from a thread: the replies of a batch, and the events its commit published. */
export interface ThreadMessage {
  readonly replies: readonly StoreReply[];
  readonly events: readonly StoredEvent[];
}
