const DAY_MS = 86_400_000;

/** Midnight UTC of a day. **Units**: milliseconds since 1970. */
export const dayStart = (date: string): number => Date.parse(`${date}T00:00:00Z`);

/** `yyyy-MM-dd`. */
export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `yyyy-MM-dd HH:mm:ss`. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `yyyy-MM-dd…` as `dd.MM.yyyy…`, the other way some branches write dates. */
export function dottedDate(text: string): string {
  return `${text.slice(8, 10)}.${text.slice(5, 7)}.${text.slice(0, 4)}${text.slice(10)}`;
}

/** Dates that no calendar knows, as they stand in real sources. */
export const BAD_DATES = ['0000-00-00', '1979-02-30', '2024-13-05', 'n/a', 'unknown', '31.04.2020x'];

export const addDays = (ms: number, days: number): number => ms + days * DAY_MS;
