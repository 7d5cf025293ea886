import { inspect } from 'node:util';

/**
 * A value that must not be printed. Every way of turning it to text gives `***`; `reveal()` is the only way to the
 * value, so a search for that word finds every use.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}

/** Seals and opens small secrets for rest (AES-256-GCM under the key file of the data directory). */
export interface SecretSealer {
  /** `purpose` is authenticated: a sealed value opens only for the purpose it was sealed for. */
  seal(secret: Secret, purpose: string): Uint8Array;
  /** **Errors**: `data_corrupt` when the bytes were changed, or sealed for another purpose or by another key. */
  open(sealed: Uint8Array, purpose: string): Secret;
}
