import { storeCall, type MetadataStore } from '../../../metadata/contract.ts';
import type { Clock } from '../../../core/clock.ts';
import type { StoreCall } from '../../../core/store-call.ts';
import { keyBytes } from '../names.ts';
import type { NewName } from '../places.ts';
import { extensionsOf } from '../local/object-path.ts';
import remoteStore from './store.ts';

const { procedures } = remoteStore;

/** The name of a version in the remote store; people see its bucket and what kind of file it is. */
export const remoteName = ({ bucket, key, versionId }: NewName): string =>
  `objects/${bucket}/${versionId}${extensionsOf(key)}`;

/**
 * What was begun in the remote store.
 *
 * Invariant: before the service may hold bytes of a version, an intent of it is durable; it goes in the transaction that
 * names the version, or after the bytes are gone. So a sweep finds every orphan without listing the service.
 */
export class Intents {
  readonly #store: MetadataStore;
  readonly #clock: Clock;
  /** Of this process, not decided yet: the sweep leaves them alone however old they are. */
  readonly running = new Set<string>();

  constructor(store: MetadataStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async begin(name: NewName): Promise<void> {
    this.running.add(name.versionId);
    await this.#store.write(procedures.intend, {
      row: {
        version_id: name.versionId,
        bucket: name.bucket,
        key: keyBytes(name.key),
        name: remoteName(name),
        placed_at: this.#clock.now(),
        upload_id: null,
        remote_upload_id: null,
        parts: null,
      },
    });
  }

  /** Shares the transaction that names the version. */
  fulfilled({ versionId }: Pick<NewName, 'versionId'>): StoreCall {
    return storeCall(procedures.fulfil, { versionIds: [versionId] });
  }

  /** The bytes are gone. */
  async dropped({ versionId }: Pick<NewName, 'versionId'>): Promise<void> {
    await this.#store.write(procedures.fulfil, { versionIds: [versionId] });
  }

  decided({ versionId }: Pick<NewName, 'versionId'>): void {
    this.running.delete(versionId);
  }
}
