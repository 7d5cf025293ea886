/**
 * A call of a registered store procedure as data, so that layers can put calls of several owners into one
 * transaction without knowing each other's tables. Made by `call()` of the metadata contract; opaque to the rest.
 */
export interface StoreCall {
  readonly module: string;
  readonly procedure: string;
  readonly args: unknown;
}
