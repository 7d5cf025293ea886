export { type AccessLog, openAccessLog } from './access-log.ts';

/** The store module of lines. */
export const accessLogModule = new URL('./store.ts', import.meta.url);
