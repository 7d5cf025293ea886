/** What holds resources. `close` may be called twice and in any state; after it nothing else is called. */
export interface Lifecycle {
  close(): Promise<void>;
}

/** The health of one part, for `/healthz`, `loch status` and the console. */
export interface Health {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}
